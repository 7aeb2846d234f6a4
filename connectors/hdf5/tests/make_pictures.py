"""Makes `pictures.h5`: arrays of numbers as they are drawn.

    python make_pictures.py FOLDER

The file is small. What its pictures hold is told by its own rows.
"""

import os
import sys

import h5py
import numpy as np

with h5py.File(os.path.join(sys.argv[1], "pictures.h5"), "w") as file:
    line = np.sqrt(np.arange(300.0))
    line[[17, 18, 200]] = np.nan
    file["line"] = line
    file["line"].attrs["units"] = "m"
    y, x = np.mgrid[0:37, 0:41]
    heat = file.create_dataset("heat", data=(100 * np.sin(x / 5) + y).astype(">i2"), chunks=(8, 16), compression="gzip")
    heat.attrs["units"] = "counts"
    cube = file.create_dataset("cube", (6, 20, 30), "<f4", chunks=(2, 8, 8), shuffle=True, compression="gzip")
    cube[1:3, 3:17, 5:22] = np.arange(2 * 14 * 17).reshape(2, 14, 17) / 8
    file.create_dataset("marked", data=np.array([1, -9, 3, -9, 5], "i4"), fillvalue=-9)
    named = file.create_dataset("named", data=np.array([[1.0, 99.0], [99.0, 4.0]]))
    named.attrs["_FillValue"] = 99.0
    file.create_dataset("nothing", (4, 5), "f8", fillvalue=np.nan)
    file["same"] = np.full((3, 4), 7.0)
    file["four"] = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5).astype("u1")
    file.create_dataset("elements", data=np.arange(24).reshape(4, 2, 3), dtype=np.dtype("i4"))
    file.create_dataset("pairs", (5,), np.dtype(("<f8", (3,))))[...] = np.arange(15.0).reshape(5, 3)
    file["texts"] = np.array([b"a", b"b"])
    file["one"] = np.array([1.0])
    file['odd <&"name'] = np.arange(4.0)
