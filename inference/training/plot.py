"""The curve in the model card: a small SVG, written by hand so that it stays small and sharp."""

from __future__ import annotations

import numpy as np

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 720, 430, 56, 46, 16, 126
STYLES = {
    "fire pictures: fire found": ("#d9480f", ""),
    "fire pictures: fire or smoke found": ("#f08c00", "6 4"),
    "smoke pictures: smoke or fire found": ("#5c7080", ""),
    "hard fire-free photographs: false alarm": ("#1971c2", ""),
    "calm frames of cameras that see fire elsewhere: false alarm": ("#1971c2", "2 3"),
    "fire-free footage frames: false alarm": ("#1971c2", "6 4"),
}


def curves(table: dict, threshold: float) -> str:
    plot_w, plot_h = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    x = lambda t: LEFT + plot_w * t  # noqa: E731
    y = lambda share: TOP + plot_h * (1 - share)  # noqa: E731
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="24" font-size="15" fill="#212529">Share of pictures with an alarm, over the threshold</text>',
    ]
    for tenth in range(0, 11, 2):
        share = tenth / 10
        parts.append(f'<path d="M{LEFT} {y(share):.1f}H{WIDTH - RIGHT}" stroke="#e9ecef"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(share) + 4:.1f}" text-anchor="end" fill="#495057">{tenth * 10} %</text>')
        parts.append(f'<text x="{x(share):.1f}" y="{TOP + plot_h + 18}" text-anchor="middle" fill="#495057">{share:.1f}</text>')
    parts.append(f'<path d="M{LEFT} {y(0.05):.1f}H{WIDTH - RIGHT}" stroke="#1971c2" stroke-dasharray="2 4" opacity="0.6"/>')
    parts.append(f'<path d="M{x(threshold):.1f} {TOP}V{TOP + plot_h}" stroke="#212529" stroke-dasharray="3 3"/>')
    parts.append(f'<text x="{x(threshold) + 5:.1f}" y="{TOP + 12}" fill="#212529">default {threshold:.2f}</text>')
    for index, (name, row) in enumerate(table.items()):
        colour, dash = STYLES[name]
        scores = row[-1]
        steps = np.linspace(0.02, 0.98, 97)
        points = " ".join(f"{x(t):.1f},{y(float((scores >= t).mean())):.1f}" for t in steps)
        line = f'stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"'
        parts.append(f'<polyline points="{points}" fill="none" {line}/>')
        lx, ly = LEFT + (index % 2) * 270, TOP + plot_h + 44 + (index // 2) * 20
        parts.append(f'<path d="M{lx} {ly - 4}h26" {line}/><text x="{lx + 34}" y="{ly}" fill="#212529">{name}</text>')
    return "\n".join([*parts, "</svg>", ""])
