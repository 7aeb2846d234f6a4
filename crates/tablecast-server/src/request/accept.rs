//! Which format a client prefers where the address names none.

use http::{HeaderMap, header};

use super::target::Format;

/// Media types and their formats.
const TYPES: &[(&str, Format)] = &[
    ("text/html", Format::Html),
    ("application/xhtml+xml", Format::Html),
    ("text/csv", Format::Csv),
    ("application/x-ndjson", Format::Ndjson),
    ("application/vnd.apache.parquet", Format::Parquet),
    ("application/vnd.apache.arrow.stream", Format::Arrow),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        Format::Xlsx,
    ),
    // A page is what an address without a format means; clients that ask for JSON get its errors as JSON.
    ("application/json", Format::Html),
    ("text/*", Format::Html),
    ("*/*", Format::Html),
];

/// The format of the known type that the `Accept` header likes best, the first one of several; a page if it knows none.
pub(crate) fn preferred(headers: &HeaderMap) -> Format {
    let values = headers.get_all(header::ACCEPT).into_iter();
    let mut best = (Format::Html, 0.0);
    for range in values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
    {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let known = TYPES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        let quality = parts
            .find_map(|part| part.strip_prefix("q="))
            .map_or(1.0, |typed| typed.parse().unwrap_or(0.0));
        if let Some((_, format)) = known
            && quality > best.1
        {
            best = (*format, quality);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_liked_type_wins() {
        for (accept, format) in [
            ("*/*", Format::Html),
            ("text/csv", Format::Csv),
            ("Text/CSV; charset=utf-8", Format::Csv),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Format::Html),
            (
                "text/csv;q=0.5, application/vnd.apache.parquet",
                Format::Parquet,
            ),
            ("application/x-ndjson, */*;q=0.1", Format::Ndjson),
            ("application/x-ndjson;q=0", Format::Html),
            ("text/csv;q=much", Format::Html),
            ("image/png", Format::Html),
            ("", Format::Html),
        ] {
            let headers =
                HeaderMap::from_iter([(header::ACCEPT, http::HeaderValue::from_static(accept))]);
            assert_eq!(preferred(&headers), format, "{accept:?}");
        }
        assert_eq!(preferred(&HeaderMap::new()), Format::Html);
    }
}
