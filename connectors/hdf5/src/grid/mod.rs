//! Grids: the variables of a group that share their dimensions, as one table with a row for each cell.
//!
//! Dimensions are known by the scales that datasets name in `DIMENSION_LIST`, as NetCDF-4 and h5py write them. A
//! dataset without scales is on no grid.
//!
//! Definitions: HDF5 Dimension Scales specification; NetCDF-4's use of it, in the NetCDF documentation, "File Format".

pub mod course;
pub mod decoding;
pub mod rows;
pub mod table;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::error::Result;
use crate::format::attribute::{Attribute, attributes, shape};
use crate::format::classic::{self, Classic};
use crate::format::datatype::{Class, Datatype};
use crate::format::file::File;
use crate::format::header::{ObjectHeader, kind};
use crate::format::value::{Value, ValueReader};
use crate::format::walk::{Node, Place};
use crate::metadata::attribute_value;

/// Dimensions of one grid; NetCDF files of the field have up to five or six.
const DIMENSIONS_MAX: usize = 32;
/// What stands in `NAME` of a dimension that has no coordinates.
const NO_COORDINATES: &str = "This is a netCDF dimension but not a netCDF variable";
/// What stands before the name of a variable that is called like one of its dimensions other than the first.
const NOT_COORDINATES: &str = "_nc4_non_coord_";

/// Variables on the same dimensions.
#[derive(Debug)]
pub struct Grid {
    /// The name of its table.
    pub name: String,
    /// The slowest first.
    pub dimensions: Vec<Dimension>,
    /// In the order of the file.
    pub variables: Vec<Variable>,
    /// Whether NetCDF wrote the file, so that its fill values stand for nothing.
    pub is_netcdf: bool,
}

/// A dimension, with the dataset that gives its coordinates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dimension {
    pub name: String,
    pub length: u64,
    /// Where the coordinates are; `None` if cells are numbered only.
    pub coordinates: Option<u64>,
}

/// A dataset on a grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    pub name: String,
    /// Where its object header is.
    pub address: u64,
    /// For each of its dimensions the place among the grid's.
    pub axes: Vec<usize>,
}

/// What is known of a dataset that has scales or is one.
struct Seen {
    path: String,
    address: u64,
    shape: Vec<u64>,
    /// The path of the scale of each dimension.
    scales: Vec<String>,
    /// The names in `coordinates`.
    auxiliary: Vec<String>,
    is_text: bool,
}

/// What is known of a scale.
struct Scale {
    address: u64,
    length: u64,
    has_coordinates: bool,
}

/// The grids of a file, each with the place of the node before which it is listed.
pub fn find(file: &Arc<File>, nodes: &[Node], paths: &HashMap<u64, String>) -> Vec<(usize, Grid)> {
    let mut found = Found::default();
    let mut places = HashMap::new();
    if let Some(classic) = &file.classic {
        found.look_at_classic(classic);
    }
    for (place, node) in nodes.iter().enumerate() {
        let Place::Dataset { file: of, address } = &node.place else {
            continue;
        };
        // A dataset with several paths is on a grid at the first one.
        if Arc::ptr_eq(of, file) && !places.contains_key(address) {
            places.insert(*address, place);
            if file.classic.is_some() {
                continue;
            }
            // A dataset that cannot be read is on no grid; its own table tells why.
            let _ = found.look(file, &node.path, *address, paths);
        }
    }
    let names: HashSet<&str> = nodes.iter().map(|node| node.path.as_str()).collect();
    found.grids(&places, &names)
}

#[derive(Default)]
struct Found {
    seen: Vec<Seen>,
    scales: BTreeMap<String, Scale>,
    /// Paths of scales by NetCDF's numbers of dimensions.
    numbers: HashMap<i64, String>,
    is_netcdf: bool,
}

impl Found {
    fn look(
        &mut self,
        file: &File,
        path: &str,
        address: u64,
        paths: &HashMap<u64, String>,
    ) -> Result<()> {
        let header = ObjectHeader::read(file, address)?;
        let attributes = attributes(file, &header);
        let find = |name: &str| attributes.iter().find(|attribute| attribute.name == name);
        let list = find("DIMENSION_LIST");
        let class = find("CLASS").filter(|class| class.data.starts_with(b"DIMENSION_SCALE"));
        if list.is_none() && class.is_none() {
            return Ok(());
        }
        let Some(space) = header.find(file, kind::DATASPACE)? else {
            return Ok(());
        };
        let Some(space) = shape(file, &space)? else {
            return Ok(());
        };
        let mut values = ValueReader::new(file, Some(paths));
        let full = format!("/{path}");
        self.is_netcdf |= attributes.iter().any(|it| it.name.starts_with("_Netcdf4"));
        let datatype = header.find(file, kind::DATATYPE)?;
        let datatype = datatype.and_then(|it| Datatype::parse(&it).ok());
        let is_letters =
            datatype.is_some_and(|it| it.size == 1 && matches!(it.class, Class::Text(_)));
        let mut scales = Vec::new();
        if let Some(list) = list {
            scales = first_of_each(&attribute_value(list, &mut values)?);
        } else if let [length] = space.dims.as_slice() {
            let name = find("NAME").map(|name| attribute_value(name, &mut values));
            let is_bare =
                matches!(name, Some(Ok(Value::Text(name))) if name.starts_with(NO_COORDINATES));
            self.is_netcdf |= is_bare;
            let number = find("_Netcdf4Dimid").and_then(|it| whole(it, &mut values));
            self.scale(full, address, *length, !is_bare, number);
            return Ok(());
        } else if let Some(numbers) = find("_Netcdf4Coordinates") {
            // A variable called like a dimension that it has beside others names no scales, and is the scale of that.
            if let Value::List(numbers) = attribute_value(numbers, &mut values)? {
                scales = numbers
                    .iter()
                    .map(|number| format!("#{number:?}"))
                    .collect();
            }
            let number = find("_Netcdf4Dimid").and_then(|it| whole(it, &mut values));
            let length = space.dims.first().copied().unwrap_or(0);
            let is_texts = is_letters && space.dims.len() == 2;
            self.scale(full, address, length, is_texts, number);
            if is_texts {
                return Ok(());
            }
        }
        let auxiliary = match find("coordinates").map(|it| attribute_value(it, &mut values)) {
            Some(Ok(Value::Text(names))) => names.split_whitespace().map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        self.seen.push(Seen {
            path: path.to_owned(),
            address,
            shape: space.dims,
            scales,
            auxiliary,
            is_text: is_letters,
        });
        Ok(())
    }

    fn scale(
        &mut self,
        path: String,
        address: u64,
        length: u64,
        has_coordinates: bool,
        number: Option<i64>,
    ) {
        if let Some(number) = number {
            self.numbers.insert(number, path.clone());
        }
        let scale = Scale {
            address,
            length,
            has_coordinates,
        };
        self.scales.insert(path, scale);
    }

    /// In the classic formats dimensions have names, and a variable of the same name holds the coordinates.
    fn look_at_classic(&mut self, classic: &Classic) {
        self.is_netcdf = true;
        let path = |place: &usize| {
            let dimension = classic.dimensions.get(*place);
            format!("/{}", dimension.map_or("", |(name, _)| name.as_str()))
        };
        let is_coordinate = |variable: &classic::Variable| match variable.dimensions.as_slice() {
            [dimension] => path(dimension) == format!("/{}", variable.name),
            // Texts, letter by letter.
            [dimension, _] => {
                variable.is_text() && path(dimension) == format!("/{}", variable.name)
            }
            _ => false,
        };
        for (name, length) in &classic.dimensions {
            let mut variables = classic.variables.iter();
            let coordinates = variables.position(|it| it.name == *name && is_coordinate(it));
            let scale = Scale {
                address: coordinates.unwrap_or(0) as u64,
                length: *length,
                has_coordinates: coordinates.is_some(),
            };
            self.scales.insert(format!("/{name}"), scale);
        }
        for (number, variable) in classic.variables.iter().enumerate() {
            if is_coordinate(variable) {
                continue;
            }
            self.seen.push(Seen {
                path: variable.name.clone(),
                address: number as u64,
                shape: variable.shape().to_vec(),
                scales: variable.dimensions.iter().map(path).collect(),
                auxiliary: variable.words("coordinates"),
                is_text: variable.is_text(),
            });
        }
    }

    fn grids(mut self, places: &HashMap<u64, usize>, names: &HashSet<&str>) -> Vec<(usize, Grid)> {
        let numbers: HashMap<String, String> = self
            .numbers
            .iter()
            .map(|(number, path)| (format!("#{:?}", Value::Signed(*number)), path.clone()))
            .collect();
        for seen in &mut self.seen {
            for scale in &mut seen.scales {
                if let Some(path) = numbers.get(scale) {
                    scale.clone_from(path);
                }
            }
        }
        let is_whole = |seen: &Seen| {
            !seen.scales.is_empty()
                && seen.scales.len() == seen.shape.len()
                && seen.scales.len() <= DIMENSIONS_MAX
                && seen.scales.iter().zip(&seen.shape).all(|(scale, length)| {
                    let scale = self.scales.get(scale);
                    // NetCDF lets variables lag behind a dimension that grows; elsewhere the scale is not theirs.
                    scale.is_some_and(|scale| self.is_netcdf || scale.length == *length)
                })
        };
        let lengths = self.lengths(&is_whole);
        let mut order: Vec<(String, Vec<String>)> = Vec::new();
        let mut members: HashMap<(String, Vec<String>), Vec<&Seen>> = HashMap::new();
        for seen in self.seen.iter().filter(|seen| is_whole(seen)) {
            let key = (group_of(&seen.path).to_owned(), self.dimensions_of(seen));
            if key.1.is_empty() {
                continue;
            }
            let entry = members.entry(key.clone()).or_default();
            if entry.is_empty() {
                order.push(key);
            }
            entry.push(seen);
        }
        let mut taken: HashSet<String> = names.iter().map(|&name| name.to_owned()).collect();
        let grid = |(group, dimensions): (String, Vec<String>)| {
            let variables = members.get(&(group.clone(), dimensions.clone()))?;
            let first = variables
                .iter()
                .filter_map(|seen| places.get(&seen.address));
            let name = named_apart(&group, &dimensions, &mut taken);
            let place = first.min().copied()?;
            Some((place, self.grid(name, &dimensions, variables, &lengths)))
        };
        order.into_iter().filter_map(grid).collect()
    }

    /// The scales of a variable; the last one of characters is the length of texts, if nothing else is on it.
    fn dimensions_of(&self, seen: &Seen) -> Vec<String> {
        let mut scales = seen.scales.clone();
        if seen.is_text
            && let Some(last) = scales.last()
            && self
                .seen
                .iter()
                .all(|other| other.is_text || !other.scales.contains(last))
            && self
                .scales
                .get(last)
                .is_none_or(|scale| !scale.has_coordinates)
        {
            scales.pop();
        }
        scales
    }

    /// The greatest length that a dimension has anywhere: variables on an unlimited one may be shorter.
    fn lengths(&self, is_whole: &dyn Fn(&Seen) -> bool) -> HashMap<String, u64> {
        let own = self
            .scales
            .iter()
            .map(|(path, scale)| (path.clone(), scale.length));
        let mut lengths: HashMap<String, u64> = own.collect();
        for seen in self.seen.iter().filter(|seen| is_whole(seen)) {
            for (scale, length) in seen.scales.iter().zip(&seen.shape) {
                let known = lengths.entry(scale.clone()).or_default();
                *known = (*known).max(*length);
            }
        }
        lengths
    }

    fn grid(
        &self,
        name: String,
        dimensions: &[String],
        variables: &[&Seen],
        lengths: &HashMap<String, u64>,
    ) -> Grid {
        let dimension = |path: &String| {
            let scale = self.scales.get(path).filter(|scale| scale.has_coordinates);
            Dimension {
                name: name_of(path).to_owned(),
                length: lengths.get(path).copied().unwrap_or(0),
                coordinates: scale.map(|scale| scale.address),
            }
        };
        let mut all: Vec<Variable> = Vec::new();
        for seen in self
            .auxiliary(dimensions, variables)
            .into_iter()
            .chain(variables.iter().copied())
        {
            let axes = self.dimensions_of(seen);
            let axes = axes
                .iter()
                .filter_map(|scale| dimensions.iter().position(|it| it == scale));
            let variable = Variable {
                name: self.variable_name(seen).to_owned(),
                address: seen.address,
                axes: axes.collect(),
            };
            if !all.contains(&variable) {
                all.push(variable);
            }
        }
        Grid {
            name,
            dimensions: dimensions.iter().map(dimension).collect(),
            variables: all,
            is_netcdf: self.is_netcdf,
        }
    }

    /// The name of a variable without what NetCDF puts before that of a dimension it does not give coordinates to.
    fn variable_name<'a>(&self, seen: &'a Seen) -> &'a str {
        let name = name_of(&seen.path);
        let own = name.strip_prefix(NOT_COORDINATES);
        own.filter(|_| self.is_netcdf).unwrap_or(name)
    }

    /// The variables that the others name as their coordinates, if they have some of the grid's dimensions, in order.
    fn auxiliary<'a>(&'a self, dimensions: &[String], variables: &[&'a Seen]) -> Vec<&'a Seen> {
        let names: HashSet<&str> = variables
            .iter()
            .flat_map(|seen| seen.auxiliary.iter().map(String::as_str))
            .collect();
        let is_within = |seen: &&Seen| {
            let own = self.dimensions_of(seen);
            let places: Option<Vec<usize>> = own
                .iter()
                .map(|scale| dimensions.iter().position(|it| it == scale))
                .collect();
            !own.is_empty()
                && own.len() < dimensions.len()
                && places.is_some_and(|places| places.is_sorted())
        };
        let candidates = self
            .seen
            .iter()
            .filter(|seen| names.contains(self.variable_name(seen)));
        candidates.filter(is_within).collect()
    }
}

/// The first scale of each dimension; nothing if one has none.
pub fn first_of_each(list: &Value) -> Vec<String> {
    let Value::List(dimensions) = list else {
        return Vec::new();
    };
    let first = |scales: &Value| match scales {
        Value::List(scales) => match scales.first() {
            Some(Value::Text(path)) => Some(path.clone()),
            _ => None,
        },
        _ => None,
    };
    let first: Option<Vec<String>> = dimensions.iter().map(first).collect();
    first.unwrap_or_default()
}

fn whole(attribute: &Attribute, values: &mut ValueReader<'_>) -> Option<i64> {
    match attribute_value(attribute, values).ok()? {
        Value::Signed(number) => Some(number),
        Value::Unsigned(number) => i64::try_from(number).ok(),
        _ => None,
    }
}

fn group_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(group, _)| group)
}

fn name_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

fn named_apart(group: &str, dimensions: &[String], taken: &mut HashSet<String>) -> String {
    let names: Vec<&str> = dimensions.iter().map(|path| name_of(path)).collect();
    let mut name = format!("{}_grid", names.join("_"));
    if !group.is_empty() {
        name = format!("{group}/{name}");
    }
    let first = name.clone();
    let mut number = 2;
    while !taken.insert(name.clone()) {
        name = format!("{first}_{number}");
        number += 1;
    }
    name
}
