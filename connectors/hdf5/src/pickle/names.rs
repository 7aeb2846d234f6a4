//! The names that a pickle may refer to: they mean data, and stay names.

/// Whether a pickle may refer to this name of this module.
pub fn is_inert(module: &str, name: &str) -> bool {
    match module {
        "numpy" => matches!(
            name,
            "ndarray"
                | "dtype"
                | "bool_"
                | "bool"
                | "str_"
                | "bytes_"
                | "datetime64"
                | "timedelta64"
        ),
        "numpy.core.multiarray" | "numpy._core.multiarray" => {
            matches!(name, "_reconstruct" | "scalar")
        }
        "numpy.core.numeric" | "numpy._core.numeric" => name == "_frombuffer",
        "pandas" => matches!(name, "NA" | "NaT"),
        "_codecs" => name == "encode",
        "copyreg" | "copy_reg" => name == "_reconstructor",
        "builtins" | "__builtin__" => matches!(
            name,
            "object"
                | "set"
                | "frozenset"
                | "list"
                | "tuple"
                | "dict"
                | "complex"
                | "bytearray"
                | "bytes"
                | "int"
                | "long"
                | "float"
                | "bool"
                | "str"
                | "unicode"
                | "slice"
                | "range"
                | "xrange"
                | "getattr"
        ),
        "collections" => matches!(name, "OrderedDict" | "defaultdict"),
        "datetime" => matches!(
            name,
            "datetime" | "date" | "time" | "timedelta" | "timezone"
        ),
        "decimal" => name == "Decimal",
        "fractions" => name == "Fraction",
        "uuid" => matches!(name, "UUID" | "SafeUUID"),
        "zoneinfo" | "zoneinfo._common" => matches!(name, "ZoneInfo" | "_unpickle"),
        "pytz" => matches!(name, "_UTC" | "_p" | "_FixedOffset" | "FixedOffset"),
        "pytz.tzinfo" => matches!(name, "StaticTzInfo" | "DstTzInfo"),
        "dateutil.tz" | "dateutil.tz.tz" => name.starts_with("tz"),
        "dateutil.relativedelta" => name == "relativedelta",
        // Frequencies, timestamps, periods, intervals, missing values: pandas moved them about.
        "pandas._period"
        | "pandas.tslib"
        | "pandas._tslib"
        | "pandas.lib"
        | "pandas.tseries.offsets"
        | "pandas.tseries.period"
        | "pandas._libs.interval"
        | "pandas._libs.missing"
        | "pandas._libs.period"
        | "pandas._libs.tslib"
        | "pandas.core.indexes.frozen"
        | "pandas.core.index" => true,
        other => other == "pandas._libs.tslibs" || other.starts_with("pandas._libs.tslibs."),
    }
}
