//! Tests of what surrounds the gateway on a site: Prometheus and its alerts, Grafana's dashboards.

mod monitoring;
