#!/usr/bin/env python3
"""Real exports of the usual toolchains, and what these find with them: the numbers of exports.md.

Each toolchain builds a model with random weights, exports it to ONNX its own way, and says with its own post-processing
what the model finds in a picture. Random weights find nothing by themselves, so normalisations take their statistics
from pictures, and the last layers are scaled until a few cells stand out: the boxes mean nothing, but they are the same for
whoever reads the outputs as they are meant.

    python3 exports/run.py ../../../shared/data OUT [NAME...]
    MOSHAO_EXPORTS=OUT cargo test -p moshao-inference --test all exports -- --nocapture

The first writes OUT/NAME.onnx and OUT/NAME.json, for all exports or those whose names begin so; the second compares and
prints the table. Wanted: torch, torchvision, onnx, onnxruntime, opencv-python-headless, and the toolchain of each export;
exports.md has the versions. What is not installed is left out, and said. The exports themselves are not kept: the
licences of some toolchains reach into them.
"""
import json
import os
import pathlib
import sys
import traceback

import detr  # noqa: F401  registers its exports
import libre  # noqa: F401
import others  # noqa: F401
import yolo  # noqa: F401
from support import EXPORTS, PICTURE, Context, version


def main():
    data, out, names = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve(), sys.argv[3:]
    out.mkdir(exist_ok=True)
    os.chdir(out)
    for name in names:
        assert any(e.startswith(name) for e in EXPORTS), f"no export begins with {name}"
    for name, entry in EXPORTS.items():
        if names and not any(name.startswith(n) for n in names):
            continue
        try:
            reference = entry["function"](Context(data, out, name))
        except ImportError as error:
            print(f"{name}: left out, {error}", flush=True)
            continue
        except Exception:
            print(f"{name}: FAILED", flush=True)
            traceback.print_exc()
            continue
        packages = ", ".join(f"{package} {version(package)}" for package in entry["toolchain"].split("+"))
        said = {"name": name, "toolchain": packages, "family": entry["family"], "asked": entry.get("asked"), "input": PICTURE, **reference}
        (out / f"{name}.json").write_text(json.dumps(said))
        print(f"{name}: {len(reference['detections'])} detections above {reference['threshold']:.3f}", flush=True)


if __name__ == "__main__":
    main()
