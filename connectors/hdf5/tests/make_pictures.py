"""Makes `pictures.h5` and `maps.nc`: arrays of numbers as they are drawn.

    python make_pictures.py FOLDER

The files are small. What their pictures hold is told by their own rows.
"""

import os
import sys

import h5py
import netCDF4
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
    labelled = file.create_dataset("labelled", data=np.arange(8.0).reshape(2, 2, 2))
    labelled.dims[0].label = "frame"
    labelled.dims[2].label = "frame"
    file.create_dataset("wide", (3, 600, 600), "<f4", chunks=(1, 600, 600))
    file["texts"] = np.array([b"a", b"b"])
    file["one"] = np.array([1.0])
    file['odd <&"name'] = np.arange(4.0)

with netCDF4.Dataset(os.path.join(sys.argv[1], "maps.nc"), "w") as file:
    file.createDimension("time", None)
    file.createDimension("lat", 6)
    file.createDimension("lon", 8)
    time = file.createVariable("time", "i4", ("time",))
    time.units = "days since 2001-01-01"
    time[:] = np.arange(4) * 31
    lat = file.createVariable("lat", "f4", ("lat",))
    lat.units = "degrees_north"
    lat[:] = np.linspace(75, -75, 6)
    lon = file.createVariable("lon", "f4", ("lon",))
    lon.standard_name = "longitude"
    lon[:] = np.arange(8) * 45
    heat = file.createVariable("heat", "i2", ("time", "lat", "lon"), fill_value=-99, zlib=True, chunksizes=(2, 4, 5))
    heat.scale_factor = 0.5
    heat.add_offset = 200.0
    heat.units = "K"
    values = 200 + np.arange(4 * 6 * 8).reshape(4, 6, 8) / 2
    heat[:] = np.ma.masked_where(np.arange(values.size).reshape(values.shape) % 7 == 3, values)
    rain = file.createVariable("rain", "f4", ("time", "lat", "lon"))
    rain[:2] = np.arange(96).reshape(2, 6, 8)
