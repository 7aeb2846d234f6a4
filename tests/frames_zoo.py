"""Writes frames and series of every kind that pandas puts into an HDF5 file, and beside it what pandas reads in them.

    python frames_zoo.py FILE.h5 [COMPRESSION]

`hdf5_frames.py` holds Tablecast against it. What this pandas cannot write is left out, and said.
"""
import datetime, json, math, sys, warnings
import numpy as np, pandas as pd
warnings.simplefilter("ignore")

def frames():
    n = 40
    rng = np.random.RandomState(3)
    idx = pd.RangeIndex(n)
    when = pd.date_range("2024-03-01", periods=n, freq="6h")
    nat = when.to_series().reset_index(drop=True); nat[3] = pd.NaT
    nums = pd.DataFrame({f"{k}": (np.arange(n) % 100).astype(k) for k in
        ["int8","int16","int32","int64","uint8","uint16","uint32","uint64","float32","float64","bool"]})
    nums["f16"] = np.arange(n).astype("float16") / 2
    nums.loc[5, "float64"] = np.nan
    nums["cplx"] = np.arange(n) + 1j
    text = pd.DataFrame({"s": [f"text {i}" for i in range(n)], "t": ["é" * (i % 4) for i in range(n)]})
    text.loc[4, "s"] = None
    text.loc[7, "t"] = np.nan
    literal = pd.DataFrame({"s": ["nan", "a", "NaN", None, ""]})
    times = pd.DataFrame({"w": nat, "utc": when.tz_localize("UTC"), "oslo": when.tz_localize("Europe/Oslo"),
        "fixed": when.tz_localize(datetime.timezone(datetime.timedelta(hours=-3, minutes=-30))),
        "delta": pd.to_timedelta(np.arange(n) * 1500, unit="ms")})
    times.loc[2, "delta"] = pd.NaT
    cat = pd.DataFrame({"g": pd.Categorical([["low","mid","high",None][i % 4] for i in range(n)], ["low","mid","high"], ordered=True),
        "num": pd.Categorical([i % 3 * 10 for i in range(n)]), "x": np.arange(n) * 0.5})
    multi = pd.DataFrame({"v": np.arange(n) * 1.5, "w": np.arange(n)},
        index=pd.MultiIndex.from_product([list("abcd"), range(10)], names=["k1", "k2"]))
    unnamed = multi.copy(); unnamed.index.names = [None, None]
    halfnamed = multi.copy(); halfnamed.index.names = ["k1", None]
    mcols = pd.DataFrame(np.arange(12.0).reshape(3, 4), columns=pd.MultiIndex.from_product([["a", "b"], ["x", "y"]], names=["l1", "l2"]))
    mtime = pd.DataFrame({"v": range(6)}, index=pd.MultiIndex.from_product([pd.date_range("2024-01-01", periods=3), ["p", "q"]], names=["day", "who"]))
    out = {}
    def both(name, obj, **kw):
        out["t_" + name] = (obj, dict(format="table", **kw))
        if name not in ("compressed", "blosc", "duplicates"): out["f_" + name] = (obj, dict(format="fixed"))
    both("nums", nums)
    both("text", text)
    out["t_text_dc"] = (text, dict(format="table", data_columns=True, min_itemsize={"s": 30}))
    out["t_text_rep"] = (text, dict(format="table", nan_rep="MISSING"))
    both("literal", literal)
    both("times", times, data_columns=["w"])
    out["t_cat"] = (cat, dict(format="table"))
    out["t_cat_dc"] = (cat, dict(format="table", data_columns=True))
    for name, obj in [("multi", multi), ("unnamed", unnamed), ("halfnamed", halfnamed), ("mcols", mcols), ("mtime", mtime)]:
        both(name, obj)
    both("series", pd.Series(np.arange(5) * 2.5, name="half"))
    both("series_unnamed", pd.Series(np.arange(5) * 2.5))
    both("series_time", pd.Series(np.arange(n), index=when, name="v"))
    both("series_text", pd.Series(list("abc") + [None], name="letters"))
    both("series_multi", multi["v"])
    both("index_text", pd.DataFrame({"v": [1, 2, 3]}, index=pd.Index(["x", "y", "zz"], name="key")))
    both("index_float", pd.DataFrame({"v": [1, 2, 3]}, index=[0.5, 1.5, 2.5]))
    both("index_oslo", pd.DataFrame({"v": np.arange(n)}, index=when.tz_localize("Europe/Oslo").rename("at")))
    both("index_delta", pd.DataFrame({"v": [1, 2, 3]}, index=pd.to_timedelta([1, 2, 3], unit="h")))
    both("index_period", pd.DataFrame({"v": [1, 2, 3]}, index=pd.period_range("2024-01", periods=3, freq="M", name="month")))
    both("index_period_q", pd.DataFrame({"v": [1, 2, 3]}, index=pd.period_range("2024-01", periods=3, freq="Q")))
    both("index_bool", pd.DataFrame({"v": [1, 2]}, index=pd.Index([True, False])))
    both("index_date", pd.DataFrame({"v": [1, 2]}, index=pd.Index([datetime.date(2024, 2, 29), datetime.date(1999, 1, 1)], name="d")))
    both("int_columns", pd.DataFrame(np.arange(6).reshape(2, 3), columns=[10, 20, 30]))
    both("mixed_columns", pd.DataFrame(np.arange(6).reshape(2, 3), columns=["a", 1, 2.5]))
    both("time_columns", pd.DataFrame(np.arange(6).reshape(2, 3), columns=pd.date_range("2024-01-01", periods=3)))
    both("named_columns", pd.DataFrame({"b": [1.0, 2], "a": [3, 4], "c": list("xy")}).rename_axis(columns="cols"))
    both("column_index", pd.DataFrame({"index": [5, 6], "v": [1, 2]}))
    both("duplicates", pd.DataFrame([[1, 2.5], [3, 4.5]], columns=["a", "a"]))
    both("odd_names", pd.DataFrame({"a b": [1], "x/y": [2.5], "ü": ["z"], "": [True]}))
    both("empty", pd.DataFrame({"a": [], "b": []}))
    both("empty_typed", pd.DataFrame({"a": np.array([], "int64"), "s": np.array([], object), "w": np.array([], "M8[ns]")}))
    both("no_columns", pd.DataFrame(index=[1, 2, 3]))
    both("nothing", pd.DataFrame())
    both("one", pd.DataFrame({"a": [1]}))
    both("wide", pd.DataFrame(np.arange(600.0).reshape(3, 200)))
    both("compressed", nums.drop(columns=["cplx", "f16"]), complevel=5, complib="zlib")
    both("blosc", nums[["int64", "float64"]], complevel=5, complib="blosc")
    out["f_objects"] = (pd.DataFrame({"mix": [1, "a", None, 2.5, True], "ints": pd.Series([1, 2, None, 4, 5], dtype=object),
        "bools": pd.Series([True, None, False, True, True], dtype=object), "lists": [[1], [2, 3], [], None, ["a"]],
        "dates": [datetime.date(2024, 1, i + 1) for i in range(5)], "big": pd.Series([2**70, 1, 2, 3, 4], dtype=object)}), dict(format="fixed"))
    out["deep/er/frame"] = (nums[["int8"]], dict(format="fixed"))
    out["units"] = (pd.DataFrame({"s": when.values.astype("M8[s]"), "ms": when.values.astype("M8[ms]"), "us": when.values.astype("M8[us]")}), dict(format="table"))
    out["f_units"] = (out["units"][0], dict(format="fixed"))
    out["t_latin"] = (text, dict(format="table", encoding="latin-1"))
    out["t_ignore"] = (pd.DataFrame({"s": ["a", "b"]}), dict(format="table", errors="ignore"))
    out["t_cat_index"] = (pd.DataFrame({"v": [1, 2, 3]}, index=pd.CategoricalIndex(list("aba"))), dict(format="table"))
    out["f_cat_index"] = (pd.DataFrame({"v": [1, 2, 3]}, index=pd.CategoricalIndex(list("aba"))), dict(format="fixed"))
    out["t_cat_times"] = (pd.DataFrame({"c": pd.Categorical(pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-01"]))}), dict(format="table"))
    out["t_cat_none"] = (pd.DataFrame({"c": pd.Categorical([None, None], categories=["a"])}), dict(format="table"))
    out["t_string"] = (pd.DataFrame({"s": pd.array(["a", None, "b"], dtype="string")}), dict(format="table"))
    out["f_string"] = (pd.DataFrame({"s": pd.array(["a", None, "b"], dtype="string")}), dict(format="fixed"))
    out["t_transposed"] = (pd.DataFrame(np.arange(6.0).reshape(2, 3), columns=list("xyz")), dict(format="table", axes=["columns"]))
    out["t_title"] = (pd.DataFrame({"a": [1]}), dict(format="table", title="A title"))
    out["f_period"] = (pd.DataFrame({"p": pd.period_range("2024-01", periods=3, freq="M")}), dict(format="fixed"))
    out["t_period"] = (pd.DataFrame({"p": pd.period_range("2024-01", periods=3, freq="M")}), dict(format="table"))
    out["f_mi_nan"] = (pd.DataFrame({"v": [1, 2]}, index=pd.MultiIndex.from_tuples([("a", 1.5), (None, np.nan)])), dict(format="fixed"))
    return out

def write(path, **options):
    left_out = {}
    with pd.HDFStore(path, "w", **options) as store:
        for key, (obj, how) in frames().items():
            try:
                if how.get("format") == "table":
                    store.append(key, obj, **{k: v for k, v in how.items() if k not in ("format",)})
                else:
                    store.put(key, obj, **how)
            except Exception as error:
                left_out[key] = repr(error)[:150]
    return left_out

def cell(v):
    if v is None or v is pd.NaT or v is getattr(pd, "NA", None): return None
    if isinstance(v, (bool, np.bool_)): return bool(v)
    if isinstance(v, (complex, np.complexfloating)): return {"r": v.real, "i": v.imag}
    if isinstance(v, (int, np.integer)): return int(v)
    if isinstance(v, (float, np.floating)): return float(v) if math.isfinite(v) else None
    if isinstance(v, pd.Timedelta): return (v.as_unit("ns").value if hasattr(v, "as_unit") else v.value) / 1e9
    if isinstance(v, (pd.Timestamp, datetime.date)): return v.isoformat()
    if isinstance(v, pd.Period): return str(v)
    if isinstance(v, np.datetime64): return pd.Timestamp(v).isoformat()
    return v if isinstance(v, str) else str(v)

def name(label):
    if isinstance(label, tuple): return "/".join(str(cell(p)) for p in label)
    c = cell(label)
    return c if isinstance(c, str) else str(c) if c is not None else "None"

def apart(names):
    seen, out = set(), []
    for n in names:
        n = first = n or "unnamed"
        k = 2
        while n.lower() in seen: n = f"{first}_{k}"; k += 1
        seen.add(n.lower()); out.append(n)
    return out

def expected(path):
    out = {}
    with pd.HDFStore(path, "r") as store:
        for key in store.keys():
            if "/meta/" in key: continue
            refused = {"/t_transposed": "columns as rows"}
            if key in refused:
                out[key.lstrip("/")] = {"refused": refused[key]}; continue
            try: obj = store.get(key)
            except Exception as error:
                # Left half written, because pandas could not write it.
                out[key.lstrip("/")] = {"refused": ""}; continue
            if key == "/t_index_date":
                # pandas stores days, and reads them as numbers.
                obj.index = pd.Index([datetime.date.fromordinal(day) for day in obj.index], name=obj.index.name)
            ix = obj.index
            if isinstance(obj, pd.Series):
                names, cols = [obj.name if obj.name is not None else "values"], [obj]
            else:
                names, cols = list(obj.columns), [obj.iloc[:, i] for i in range(obj.shape[1])]
            names = [name(x) for x in names]
            if ix.nlevels > 1:
                inames = [x if x is not None else f"level_{i}" for i, x in enumerate(ix.names)]
                ivals = [ix.get_level_values(i) for i in range(ix.nlevels)]
            else:
                inames = [ix.name if ix.name is not None else ("level_0" if "index" in names else "index")]
                ivals = [ix]
            columns = apart([name(x) for x in inames] + names)
            if key == "/f_objects":
                cols = [[None if v is None or v != v else v if isinstance(v, str) else json.dumps(v, separators=(",", ":")) if isinstance(v, list) else str(v) for v in c] if name in ("mix", "lists", "big") else c for name, c in zip(names, cols)]
            rows = [[cell(v) for v in r] for r in zip(*[list(v) for v in ivals], *[list(c) for c in cols])]
            out[key.lstrip("/")] = {"columns": columns, "rows": rows}
    return out

if __name__ == "__main__":
    path = sys.argv[1]
    left = write(path, **(dict(complevel=4, complib=sys.argv[2]) if len(sys.argv) > 2 else {}))
    for k, e in left.items(): print("left out", k, e, file=sys.stderr)
    facts = expected(path)
    json.dump(facts, open(path + ".json", "w"), ensure_ascii=False)
    print(pd.__version__, len(facts))
