//! Tests of what surrounds the gateway on a site: Prometheus and its alerts, Grafana's dashboards, the package with its
//! unit.

mod containers;
mod monitoring;
mod package;
