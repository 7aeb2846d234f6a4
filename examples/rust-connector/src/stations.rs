//! Lists of weather stations in columns of fixed width (`ghcnd-stations.txt`): one table, `stations`.
//!
//! The file is read once, when it is opened, and a scan gives its rows as they stand there. All else, filters, sorts,
//! facets, SQL, is done by the engine.

use std::ops::Range;
use std::sync::Arc;

use arrow_schema::DataType;
use tablecast_connector::{
    Batch, Blocking, BlockingScan, BlockingSource, BoxFuture, Cell, Column, Connector, Details,
    Error, Identity, Location, OpenOptions, OutputColumn, Partition, Promises, ROWID, Result,
    ScanRequest, Source, TableInfo,
};

/// Each column with the bytes of a line that it takes, and whether it is a number.
const COLUMNS: &[(&str, Range<usize>, DataType)] = &[
    ("id", 0..11, DataType::Utf8),
    ("latitude", 12..20, DataType::Float64),
    ("longitude", 21..30, DataType::Float64),
    ("elevation", 31..37, DataType::Float64),
    ("state", 38..40, DataType::Utf8),
    ("name", 41..71, DataType::Utf8),
    ("gsn_flag", 72..75, DataType::Utf8),
    ("hcn_crn_flag", 76..79, DataType::Utf8),
    ("wmo_id", 80..85, DataType::Utf8),
];

/// The list says so where the elevation of a station is not known.
const NO_ELEVATION: f64 = -999.9;

/// The largest list that is taken; that of all the world has 11 MB.
const BYTES_MAX: u64 = 256 << 20;

const BATCH_ROWS: usize = 4096;

/// Opens lists of stations.
pub struct Stations;

impl Connector for Stations {
    fn name(&self) -> &'static str {
        "stations"
    }

    fn opens(&self) -> &'static str {
        "List of weather stations (ghcnd-stations.txt)"
    }

    /// There is no magic number: the first line has an identifier and two numbers where they belong.
    fn recognizes(&self, location: &Location) -> bool {
        let line = location.head.split(|byte| *byte == b'\n').next();
        let line = line.and_then(|line| std::str::from_utf8(line).ok());
        line.is_some_and(|line| Station::parse(line, 1).is_ok())
    }

    fn open<'a>(
        &'a self,
        location: &'a Location,
        _: &'a OpenOptions,
    ) -> BoxFuture<'a, Result<Arc<dyn Source>>> {
        Box::pin(async move {
            let source: Arc<dyn Source> = Arc::new(Blocking::new(List::read(location)?, 2)?);
            Ok(source)
        })
    }
}

/// A line of the list.
struct Station {
    texts: Vec<String>,
    numbers: [Option<f64>; 3],
}

impl Station {
    fn parse(line: &str, number: usize) -> Result<Self> {
        let wrong = |what: &str| Error::unreadable(format!("line {number}: {what}"));
        let line = line.trim_end_matches('\r');
        if !line.is_ascii() || line.len() < 41 {
            return Err(wrong("a station has at least 41 characters of ASCII"));
        }
        let (mut texts, mut numbers) = (Vec::new(), Vec::new());
        for (name, bytes, kind) in COLUMNS {
            let end = bytes.end.min(line.len());
            let text = line
                .get(bytes.start.min(end)..end)
                .unwrap_or_default()
                .trim();
            if *kind == DataType::Float64 {
                let value: f64 = text
                    .parse()
                    .map_err(|_| wrong(&format!("{name} is no number")))?;
                numbers.push((value != NO_ELEVATION).then_some(value));
            } else {
                texts.push(text.to_owned());
            }
        }
        let is_id = |id: &String| {
            id.len() == 11 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        match (
            texts.first().is_some_and(is_id),
            <[_; 3]>::try_from(numbers),
        ) {
            (true, Ok(numbers)) => Ok(Self { texts, numbers }),
            _ => Err(wrong("an identifier of 11 characters is missing")),
        }
    }

    fn cell(&self, column: usize) -> Cell<'_> {
        match column {
            1..=3 => self
                .numbers
                .get(column - 1)
                .copied()
                .flatten()
                .map_or(Cell::Null, Cell::Real),
            0 => self.text(0),
            _ => self.text(column - 3),
        }
    }

    /// An empty text stands for what is not told.
    fn text(&self, place: usize) -> Cell<'_> {
        let text = self.texts.get(place).filter(|text| !text.is_empty());
        text.map_or(Cell::Null, |text| Cell::Text(text))
    }
}

/// An opened list.
struct List {
    path: String,
    size: u64,
    stations: Arc<Vec<Station>>,
}

impl List {
    fn read(location: &Location) -> Result<Self> {
        let named = |error: Error| error.within(&location.text);
        let unreadable = |cause| named(Error::unreadable("it cannot be read").caused_by(cause));
        let size = std::fs::metadata(&location.text).map_err(unreadable)?.len();
        if size > BYTES_MAX {
            return Err(named(Error::too_large(format!(
                "it has {size} bytes, more than {BYTES_MAX}"
            ))));
        }
        let text = std::fs::read_to_string(&location.text).map_err(unreadable)?;
        let lines = text.lines().enumerate();
        let stations: Result<Vec<Station>> = lines
            .map(|(line, text)| Station::parse(text, line + 1))
            .collect();
        Ok(Self {
            path: location.text.clone(),
            size,
            stations: Arc::new(stations.map_err(named)?),
        })
    }
}

/// The place of a column; none for the row number.
fn place(name: &str) -> Result<Option<usize>> {
    match COLUMNS.iter().position(|(known, ..)| *known == name) {
        None if name != ROWID => Err(Error::invalid(format!("no such column: {name}"))),
        place => Ok(place),
    }
}

fn table(name: &str) -> Result<()> {
    if name == "stations" {
        return Ok(());
    }
    Err(Error::not_found(format!("Table not found: {name}")))
}

impl BlockingSource for List {
    fn details(&self) -> Details {
        Details {
            connector: "stations".to_owned(),
            path: Some(self.path.clone()),
            size: Some(self.size),
            is_mutable: false,
            is_memory: false,
            hash: None,
        }
    }

    fn table_names(&self) -> Result<Vec<String>> {
        Ok(vec!["stations".to_owned()])
    }

    fn table_info(&self, name: &str) -> Result<Arc<TableInfo>> {
        table(name)?;
        let columns = COLUMNS
            .iter()
            .map(|(name, _, kind)| Column::new(*name, kind.clone()));
        let identity = Identity::RowNumber { seekable: false };
        Ok(Arc::new(TableInfo::new(name, columns.collect(), identity)))
    }

    fn scan(&self, request: &ScanRequest) -> Result<BlockingScan> {
        table(&request.table)?;
        let places: Vec<Option<usize>> = request
            .columns
            .iter()
            .map(|name| place(name))
            .collect::<Result<_>>()?;
        let columns = request
            .columns
            .iter()
            .zip(&places)
            .map(|(name, place)| OutputColumn {
                name: name.clone(),
                data_type: Some(match place.and_then(|place| COLUMNS.get(place)) {
                    Some((.., kind)) => kind.clone(),
                    None => DataType::Int64,
                }),
            });
        let stations = Arc::clone(&self.stations);
        let rows = stations.len() as u64;
        Ok(BlockingScan {
            columns: columns.collect(),
            promises: Promises {
                order: Identity::RowNumber { seekable: false }.order(),
                ..Promises::nothing(request)
            },
            partitions: vec![Partition {
                start: 0,
                end: rows,
                note: String::new(),
            }],
            rows: request.filters.is_empty().then_some(rows),
            open: Arc::new(move |_, limits| {
                let (stations, places, limits) =
                    (Arc::clone(&stations), places.clone(), limits.clone());
                let starts = (0..stations.len()).step_by(BATCH_ROWS);
                Ok(Box::new(starts.map(move |start| {
                    limits.check()?;
                    batch(&stations, &places, start)
                })))
            }),
        })
    }
}

fn batch(stations: &[Station], places: &[Option<usize>], start: usize) -> Result<Batch> {
    let mut batch = Batch::builder(places.len());
    for (row, station) in stations.iter().enumerate().skip(start).take(BATCH_ROWS) {
        for place in places {
            batch.push(match place {
                Some(place) => station.cell(*place),
                None => Cell::Integer(row as i64),
            })?;
        }
        batch.end_row();
    }
    batch.finish()
}
