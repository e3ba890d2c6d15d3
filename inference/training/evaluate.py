"""How good is it? Every figure of the model card, from the shipped files, on scenes that training never saw."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

import data
from beside import side_by_side
from export import runner
from footage import watch
from metrics import answers, average_precision, top_scores
from model import LABELS
from plot import curves
from scenes import seen

THRESHOLDS = [round(0.05 * i, 2) for i in range(1, 19)]

EXAMPLES = """examples:
  evaluate                                            the shipped model; redraws its curve
  evaluate --model runs/moshao-fire/moshao-fire.onnx  one of one's own, its curve beside it
  evaluate --also drawn-check                         and on further labelled pictures, which must not have been trained on
  evaluate --model new.onnx --beside old.onnx \
           --cameras yards                            both in one table, and on calm frames of further cameras
  evaluate --speed --beside yolox_nano.onnx           what a picture costs, and nothing else
"""
TIMED = 150  # pictures, after ten that warm up


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="evaluate", description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", help="data folder (default: $MOSHAO_TEST_DATA or ../shared/data)")
    parser.add_argument("--model", type=Path, default=Path(__file__).resolve().parent.parent / "models/moshao-fire.onnx",
                        help="the model (%(default)s); an int8 one beside it is examined, too")
    parser.add_argument("--plot", type=Path, help="where the curve goes (default: beside the model)")
    parser.add_argument("--also", type=Path, nargs="*", default=[], help="further labelled folders (YOLO) to examine with")
    parser.add_argument("--beside", type=Path, nargs="*", default=[], help="print one table of --model and these, and nothing else")
    parser.add_argument("--speed", action="store_true", help="only time --model and --beside, on one core; needs no data")
    parser.add_argument("--cameras", type=Path, help="calm frames of cameras not trained on, CAMERA-NUMBER.jpg, for the table")
    options = parser.parse_args()
    for file in (options.model, *options.beside):
        if not file.is_file():
            parser.error(f"{file}: no such file")
    if options.speed:
        for file in (options.model, *options.beside):
            print(f"{file.stem}: {cost(file)}")
        return
    where = data.root(options.data)
    held_out = data.load(where).held_out
    if options.beside:
        cameras = data.yolo(options.cameras) if options.cameras else []
        print(side_by_side([options.model, *options.beside], facts, held_out, cameras, where / "videos"))
        return
    print(f"# {options.model.name}: {count(held_out)}\n")

    files = [options.model, options.model.with_name(options.model.stem + "-int8.onnx")]
    for file in (f for f in files if f.is_file()):
        size, threshold = facts(file)
        predict = runner(file)
        found = answers(predict, held_out, *size)
        precision = [average_precision(found, held_out, i) for i in range(len(LABELS))]
        print(f"## {file.name}  ({size[1]}x{size[0]}, {file.stat().st_size / 1e6:.2f} MB)\n")
        print("| AP@0.5 | " + " | ".join(LABELS) + " | mean |\n|---|---|---|---|")
        print("| unseen scenes | " + " | ".join(f"{v:.3f}" for v in precision) + f" | {np.mean(precision):.3f} |\n")
        strangers(found, held_out, threshold)
        print(f"Speed: {cost(file)}\n")
        table = rates(found, held_out)
        show(table, threshold)
        scenes(found, held_out, threshold)
        for folder in options.also:
            others(predict, size, data.yolo(folder), folder.name, threshold)
        videos(watch(predict, size, where / "videos", threshold), threshold)
        if file == options.model:
            plot = options.plot or options.model.with_name("moshao-fire-curve.svg")
            plot.write_text(curves(table, threshold))
            print(f"curve: {plot.name}\n")


def count(pictures) -> str:
    kinds = [p.kind for p in pictures]
    stills = sum(p.kind == "calm" and p.source != "footage" for p in pictures)
    footage = sum(p.source == "footage" for p in pictures)
    return (
        f"{kinds.count('fire')} pictures with fire, {kinds.count('smoke')} with smoke alone, {stills} hard fire-free "
        f"stills and {footage} fire-free frames, of {len({p.scene for p in pictures if len(p.boxes)})} burning or smoking "
        "scenes that training did not see"
    )


def strangers(found, pictures, threshold: float) -> None:
    """The figures that change without the pictures whose scene is trained on after all (`scenes.SEEN`)."""
    kept = [i for i, p in enumerate(pictures) if not (p.source == "fire-dataset" and seen(p.name))]
    some, those = [found[i] for i in kept], [pictures[i] for i in kept]
    smoke = np.array([p.kind == "smoke" for p in those])
    reported = (top_scores(some)[smoke] >= threshold).mean()
    print(
        f"Without {len(pictures) - len(kept)} held-out pictures whose scene is trained on after all: AP@0.5 smoke "
        f"{average_precision(some, those, LABELS.index('smoke')):.3f}, smoke pictures found {100 * reported:.0f} %\n"
    )


def facts(file: Path) -> tuple[tuple[int, int], float]:
    """Height and width of the input in pixels, and the default threshold."""
    model = onnx.load(str(file))
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    said = {p.key: p.value for p in model.metadata_props}
    if "threshold" not in said:
        raise SystemExit(f"{file}: says no threshold in its metadata; only files that export.py wrote can be examined")
    return (shape[2], shape[3]), float(said["threshold"])


def cost(file: Path) -> str:
    """What a picture costs: processor time of the one thread that looks at it, so that the figure holds on a busy machine, too."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    image = (np.random.default_rng(0).random(entry.shape) * 255).astype(np.float32)
    spent = []
    for _ in range(10 + TIMED):
        began = time.thread_time()
        session.run(None, {entry.name: image})
        spent.append(1000 * (time.thread_time() - began))
    kept = spent[10:]
    load = os.getloadavg()[0]
    return (
        f"{entry.shape[3]}x{entry.shape[2]}, one core, best {min(kept):.1f} ms, median {np.median(kept):.1f} ms of processor time a "
        f"picture ({TIMED} pictures; load of the machine {load:.1f} on {os.cpu_count()} cores)"
    )


def rates(found, pictures) -> dict[str, dict[float, float]]:
    """What a user feels, over thresholds: shares of pictures with an alarm."""
    kinds = np.array([p.kind for p in pictures])
    calm = {s: np.array([p.kind == "calm" and p.source == s for p in pictures]) for s in ("negatives", "fire-dataset", "footage")}
    best, flames = top_scores(found), top_scores(found, 0)
    groups = {
        "fire pictures: fire found": flames[kinds == "fire"],
        "fire pictures: fire or smoke found": best[kinds == "fire"],
        "smoke pictures: smoke or fire found": best[kinds == "smoke"],
        "hard fire-free photographs: false alarm": best[calm["negatives"]],
        "calm frames of cameras that see fire elsewhere: false alarm": best[calm["fire-dataset"]],
        "fire-free footage frames: false alarm": best[calm["footage"]],
    }
    return {name: {t: float((s >= t).mean()) for t in THRESHOLDS} | {-1: s} for name, s in groups.items()}


def show(table, threshold: float) -> None:
    shown = sorted({0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, threshold})
    print("| share of pictures, at threshold | " + " | ".join(f"**{t:.2f}**" if t == threshold else f"{t:.2f}" for t in shown) + " |")
    print("|---" * (len(shown) + 1) + "|")
    for name, row in table.items():
        print(f"| {name} | " + " | ".join(f"{100 * (row[-1] >= t).mean():.0f} %" for t in shown) + " |")
    print()


def scenes(found, pictures, threshold: float) -> None:
    """Scene by scene: an average over frames hides the scene that is never found."""
    print(f"| held-out scene | pictures | with an alarm at {threshold:.2f} |\n|---|---|---|")
    best = top_scores(found)
    for scene in sorted({p.scene for p in pictures if p.source == "fire-dataset"}):
        for burning in (True, False):
            here = np.array([p.scene == scene and bool(len(p.boxes)) == burning for p in pictures])
            if here.any():
                print(f"| {scene}{'' if burning else ', calm'} | {here.sum()} | {100 * (best[here] >= threshold).mean():.0f} % |")
    print()


def others(predict, size, pictures, name: str, threshold: float) -> None:
    found = answers(predict, pictures, *size)
    best = top_scores(found)
    burning = np.array([p.kind == "fire" for p in pictures])
    calm = np.array([p.kind == "calm" for p in pictures])
    precision = ", ".join(f"{n} {average_precision(found, pictures, i):.3f}" for i, n in enumerate(LABELS))
    print(
        f"{name}: {len(pictures)} pictures, AP@0.5 {precision}; at {threshold:.2f} found "
        f"{100 * (best[burning] >= threshold).mean():.0f} % of {burning.sum()} fires, "
        f"false alarms {100 * (best[calm] >= threshold).mean():.0f} % of {calm.sum()} calm\n"
    )


def videos(watched, threshold: float) -> None:
    print(f"Rule: 3 sightings within 2 s at 5 pictures/s, threshold {threshold:.2f}\n")
    print("| video | seconds | highest score | incidents | rule fires after |\n|---|---|---|---|---|")
    for w in watched:
        after = f"{w.first:.1f} s" if w.first is not None else "never"
        note = "burns; " if w.burns else "" if w.held_out else "frames seen in training; "
        print(f"| {w.name} | {w.seconds:.0f} | {w.highest:.2f} | {w.incidents} | {note}{after} |")
    calm = [w for w in watched if not w.burns]
    hours = sum(w.seconds for w in calm) / 3600
    print(f"\nFalse incidents: {sum(w.incidents for w in calm)} in {hours * 60:.1f} minutes of fire-free footage\n")


if __name__ == "__main__":
    main()
