//! What of an array a picture shows: which dimensions are drawn, and where it is cut along the others.

use arrow_schema::DataType;
use tablecast_connector::{
    Array, ArrayRequest, DimensionKind, Error, Result, TableInfo, Window, did_you_mean,
};

use crate::request::arguments::Arguments;

/// The most bins of a line, and of each side of a heat map.
const LINE_BINS_MAX: u64 = 10_000;
const SIDE_BINS_MAX: u64 = 1000;
/// The bins that are asked for unless `_bins` says otherwise.
const LINE_BINS: u64 = 800;
const SIDE_BINS: u64 = 320;

/// Arguments that are not names of dimensions.
const OTHERS: [&str; 9] = [
    "_column",
    "_x",
    "_y",
    "_bins",
    "_spread",
    "_narrow",
    "_ttl",
    "_timelimit",
    "_trace",
];

/// A picture that can be asked for.
#[derive(Clone, Debug)]
pub(crate) struct PicturePlan {
    pub(crate) array: Array,
    pub(crate) request: ArrayRequest,
    /// The dimension that is drawn from left to right.
    pub(crate) x: usize,
    /// The one that is drawn from top to bottom; none where the picture is a line.
    pub(crate) y: Option<usize>,
    /// Whether JSON tells the least and the greatest number of each bin, too.
    pub(crate) with_spread: bool,
}

impl PicturePlan {
    /// What `arguments` say of the array that the table is. `NotFound` if it is none, `InvalidRequest` if they do not fit.
    pub(crate) fn make(arguments: &Arguments, info: &TableInfo) -> Result<Self> {
        let name = &info.name;
        let array = info.array.clone().ok_or_else(|| {
            let error = Error::not_found(format!("There is no picture of {name}"));
            error.hint("There are pictures of arrays of numbers")
        })?;
        let column = column(arguments, &array)?;
        let places = places(arguments, &array)?;
        let (x, y) = drawn(arguments, &array, &places)?;
        let bins = bins(arguments, y.is_some())?;
        let windows = array.dimensions.iter().zip(places).enumerate();
        let windows = windows.map(|(at, (dimension, place))| {
            let is_drawn = at == x || Some(at) == y;
            let whole = (0, dimension.length);
            match place {
                Place::Range(start, end) => {
                    range(start, end.unwrap_or(dimension.length), is_drawn, bins)
                }
                Place::At(index) if !is_drawn => Window::At(index),
                // The place where the dimension was cut says nothing where it is drawn.
                _ if is_drawn => range(whole.0, whole.1, true, bins),
                _ => Window::At(0),
            }
        });
        let request = ArrayRequest {
            column,
            windows: windows.collect(),
        };
        array.check(&request)?;
        Ok(Self {
            array,
            request,
            x,
            y,
            with_spread: arguments.is_on("_spread"),
        })
    }

    /// Whether latitude is drawn over longitude.
    pub(crate) fn is_map(&self) -> bool {
        let kind = |at: usize| {
            self.array
                .dimensions
                .get(at)
                .map(|dimension| dimension.kind)
        };
        kind(self.x) == Some(DimensionKind::Longitude)
            && self.y.and_then(kind) == Some(DimensionKind::Latitude)
    }
}

/// Numbers in the rows of one page.
const PAGE_ELEMENTS_MAX: u64 = 1 << 18;
/// Numbers in a row of which nobody makes facets.
const FACET_ELEMENTS_MAX: u64 = 1000;

/// The rows of a page of an array, whose rows may be as large as they like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RowsOfArray {
    /// How many a page can show; the picture shows the rest.
    pub(crate) at_most: u64,
    /// Whether facets of them may be worth suggesting.
    pub(crate) are_facets: bool,
}

impl RowsOfArray {
    /// Those of a table; `None` if it is no array, or if its rows are single numbers.
    pub(crate) fn of(info: &TableInfo) -> Option<Self> {
        let array = info.array.as_ref()?;
        let column = info.column(array.columns.first()?)?;
        if !matches!(column.data_type, DataType::List(_)) {
            return None;
        }
        let lengths = array
            .dimensions
            .iter()
            .skip(1)
            .map(|dimension| dimension.length);
        let elements = lengths.fold(1, u64::saturating_mul).max(1);
        Some(Self {
            at_most: PAGE_ELEMENTS_MAX / elements,
            are_facets: elements <= FACET_ELEMENTS_MAX,
        })
    }
}

fn range(start: u64, end: u64, is_drawn: bool, bins: u64) -> Window {
    let bins = if is_drawn { bins } else { 1 };
    Window::Range { start, end, bins }
}

/// What an argument says of a dimension.
#[derive(Clone, Copy)]
enum Place {
    Untold,
    At(u64),
    Range(u64, Option<u64>),
}

fn column(arguments: &Arguments, array: &Array) -> Result<String> {
    let known = || array.columns.iter().map(String::as_str);
    match arguments.first("_column") {
        None | Some("") => Ok(known().next().unwrap_or_default().to_owned()),
        Some(typed) if known().any(|name| name == typed) => Ok(typed.to_owned()),
        Some(typed) => {
            let error = Error::invalid(format!("There is no picture of a column {typed:?}"));
            let all = format!(
                "There are pictures of {}",
                known().collect::<Vec<_>>().join(", ")
            );
            let meant = did_you_mean(typed, known());
            Err(error.hint(meant.map_or(all, |name| format!("Did you mean {name}?"))))
        }
    }
}

/// What is said of each dimension. An argument that is no dimension's name is refused.
fn places(arguments: &Arguments, array: &Array) -> Result<Vec<Place>> {
    let mut places = vec![Place::Untold; array.dimensions.len()];
    for (name, typed) in arguments.iter() {
        let is_dimension = || array.dimensions.iter().any(|known| known.name == name);
        if OTHERS.contains(&name) && !is_dimension() {
            continue;
        }
        let at = array.dimension(name)?;
        if let Some(place) = places.get_mut(at) {
            *place = parse(name, typed)?;
        }
    }
    Ok(places)
}

fn parse(name: &str, typed: &str) -> Result<Place> {
    let wrong = || {
        let error = Error::invalid(format!(
            "{name}={typed} is neither a step nor a range of steps"
        ));
        error.hint(format!(
            "{name}=3 is one step, {name}=0:12 the first twelve, {name}=12: the rest"
        ))
    };
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| wrong());
    let Some((start, end)) = typed.split_once(':') else {
        return Ok(Place::At(number(typed)?));
    };
    let start = if start.is_empty() { 0 } else { number(start)? };
    let end = if end.is_empty() {
        None
    } else {
        Some(number(end)?)
    };
    Ok(Place::Range(start, end))
}

/// The dimensions that are drawn: those asked for; else latitude over longitude; else the last two with more than a step.
fn drawn(arguments: &Arguments, array: &Array, places: &[Place]) -> Result<(usize, Option<usize>)> {
    let asked = |name: &str| match arguments.first(name) {
        None => Ok(None),
        Some("") if name == "_y" => Ok(None),
        Some(typed) => array.dimension(typed).map(Some),
    };
    let (x, y) = (asked("_x")?, asked("_y")?);
    let is_line = arguments.first("_y") == Some("");
    if x.is_some() && x == y {
        return Err(Error::invalid("_x and _y name the same dimension")
            .hint("An empty _y draws a line along _x"));
    }
    let kind = |kind| {
        array
            .dimensions
            .iter()
            .position(|dimension| dimension.kind == kind)
    };
    let is_cut = |at: usize| matches!(places.get(at), Some(Place::At(_)));
    let is_long = |at: usize| {
        array
            .dimensions
            .get(at)
            .is_some_and(|dimension| dimension.length > 1)
    };
    let map = (
        kind(DimensionKind::Longitude),
        kind(DimensionKind::Latitude),
    );
    // From the likeliest on: along what they are wide, and not cut.
    let mut others: Vec<usize> = (0..array.dimensions.len()).rev().collect();
    others.sort_by_key(|&at| {
        (
            !is_long(at),
            is_cut(at),
            Some(at) != map.0,
            Some(at) != map.1,
        )
    });
    if map.0.is_none() || map.1.is_none() {
        others.sort_by_key(|&at| (!is_long(at), is_cut(at), std::cmp::Reverse(at)));
    }
    let x = x.or_else(|| others.iter().copied().find(|&at| Some(at) != y));
    let x = x.ok_or_else(|| Error::internal("An array without dimensions"))?;
    let free = |at: &usize| *at != x && is_long(*at) && !is_cut(*at);
    let y = match y {
        None if !is_line => others.iter().copied().find(|at| free(at)),
        y => y,
    };
    Ok((x, y))
}

fn bins(arguments: &Arguments, is_flat: bool) -> Result<u64> {
    let (usual, most) = if is_flat {
        (SIDE_BINS, SIDE_BINS_MAX)
    } else {
        (LINE_BINS, LINE_BINS_MAX)
    };
    match arguments.first("_bins") {
        None | Some("") => Ok(usual),
        Some(typed) => typed
            .parse()
            .ok()
            .filter(|bins| (1..=most).contains(bins))
            .ok_or_else(|| {
                Error::invalid(format!(
                    "_bins must be a number from 1 to {most}, not {typed:?}"
                ))
            }),
    }
}

#[cfg(test)]
mod tests {
    use tablecast_connector::{Column, Dimension, Identity};

    use super::*;

    fn info(dimensions: &[(&str, u64, DimensionKind)]) -> TableInfo {
        let dimensions = dimensions.iter().map(|&(name, length, kind)| Dimension {
            kind,
            ..Dimension::index(name, length)
        });
        let mut info = TableInfo::new("t", Vec::<Column>::new(), Identity::None);
        info.array = Some(Array {
            dimensions: dimensions.collect(),
            columns: vec!["value".to_owned()],
        });
        info
    }

    #[test]
    fn latitude_over_longitude_is_drawn_and_else_the_last_two_that_are_long() {
        use DimensionKind::{Index, Latitude, Longitude};
        let cube = info(&[
            ("a", 9, Index),
            ("b", 9, Index),
            ("c", 9, Index),
            ("d", 1, Index),
        ]);
        let map = info(&[
            ("lon", 9, Longitude),
            ("lat", 9, Latitude),
            ("depth", 9, Index),
        ]);
        for (info, query, x, y) in [
            (&cube, "", "c", Some("b")),
            (&cube, "c=3", "b", Some("a")),
            (&cube, "_x=a", "a", Some("c")),
            (&cube, "_y=", "c", None),
            (&cube, "_y=c", "b", Some("c")),
            (&cube, "a=1&b=1", "c", None),
            (&cube, "_x=a&_y=b&a=3", "a", Some("b")),
            (&map, "", "lon", Some("lat")),
            (&map, "_x=depth", "depth", Some("lon")),
        ] {
            let plan = PicturePlan::make(&Arguments::parse(query), info).expect(query);
            let name = |at: usize| plan.array.dimensions[at].name.as_str();
            assert_eq!((name(plan.x), plan.y.map(name)), (x, y), "{query}");
            assert_eq!(plan.is_map(), query.is_empty() && x == "lon");
        }
    }
}
