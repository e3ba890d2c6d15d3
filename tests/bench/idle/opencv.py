"""What a script for a camera looks like: OpenCV reads every picture, ONNX Runtime looks at five a second.

opencv.py MODEL.onnx URL, run by the benchmark until it is killed.
"""

import os
import sys

os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "rtsp_transport;tcp"

import cv2
import numpy
import onnxruntime

EVERY = 5
SIDE = 416

model, url = sys.argv[1:3]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name
capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG)
number = 0
while True:
    is_read, picture = capture.read()
    if not is_read:
        sys.exit(f"no picture from {url}")
    number += 1
    if number % EVERY == 0:
        small = cv2.resize(picture, (SIDE, SIDE)).astype(numpy.float32)
        session.run(None, {name: numpy.ascontiguousarray(small.transpose(2, 0, 1)[None])})
