//! Pictures of arrays: what was read, as JSON and as SVG.
//!
//! Everything is drawn here, so that a picture needs no script. Colours of text and lines come from the page's sheet; a
//! picture that stands alone brings its own.

mod axis;
mod colours;
mod draw;
mod json;
mod labels;
mod line;
mod png;

pub(crate) use draw::{Size, parts, standalone};
pub(crate) use json::to_json;
pub(crate) use labels::short;

use tablecast_connector::{Axis, Dimension, Reduction, TableInfo, Window};

use crate::plan::picture::PicturePlan;

/// What is drawn.
pub(crate) struct Picture<'a> {
    pub(crate) info: &'a TableInfo,
    pub(crate) plan: &'a PicturePlan,
    pub(crate) reduction: &'a Reduction,
}

impl Picture<'_> {
    fn dimension(&self, at: usize) -> Option<(&Dimension, &Axis)> {
        self.plan
            .array
            .dimensions
            .get(at)
            .zip(self.reduction.axes.get(at))
    }

    /// How many bins there are from left to right, and from top to bottom.
    fn size(&self) -> (usize, usize) {
        let bins = |at: usize| self.reduction.axes.get(at).map_or(1, Axis::bins);
        (bins(self.plan.x), self.plan.y.map_or(1, bins))
    }

    /// The value of a bin among `values`, which are in the order of the array's dimensions.
    fn value(&self, values: &[f64], x: usize, y: usize) -> f64 {
        let (across, down) = self.size();
        let place = match self.plan.y {
            Some(at) if at > self.plan.x => x * down + y,
            _ => y * across + x,
        };
        values.get(place).copied().unwrap_or(f64::NAN)
    }

    /// The unit of the values; none where they are packed, for the unit is that of what they mean.
    pub(crate) fn unit(&self) -> Option<&str> {
        let told = &self.info.metadata.attributes;
        if told.contains_key("scale_factor") || told.contains_key("add_offset") {
            return None;
        }
        let column = self.info.column(&self.plan.request.column);
        let own = column.and_then(|column| column.metadata.unit.as_deref());
        own.filter(|unit| !unit.is_empty())
    }

    /// The picture in a few words.
    pub(crate) fn words(&self) -> String {
        let name = |at: usize| {
            self.plan
                .array
                .dimensions
                .get(at)
                .map_or("", |it| it.name.as_str())
        };
        let column = match self.plan.request.column.as_str() {
            "value" => &self.info.name,
            column => column,
        };
        let mut words = match self.plan.y {
            Some(y) if self.plan.is_map() => {
                format!("Map of {column} over {} and {}", name(self.plan.x), name(y))
            }
            Some(y) => format!(
                "Heat map of {column} over {} and {}",
                name(self.plan.x),
                name(y)
            ),
            None => format!("Line of {column} along {}", name(self.plan.x)),
        };
        let cut = self
            .cuts()
            .map(|(dimension, place)| format!("{} {place}", dimension.name));
        let cut: Vec<String> = cut.collect();
        if !cut.is_empty() {
            words = format!("{words}, at {}", cut.join(", "));
        }
        words
    }

    /// The dimensions that are not drawn, with the place where they are cut, in words.
    pub(crate) fn cuts(&self) -> impl Iterator<Item = (&Dimension, String)> {
        let (x, y) = (self.plan.x, self.plan.y);
        let windows = self.plan.request.windows.iter().enumerate();
        windows
            .filter(move |(at, _)| *at != x && Some(*at) != y)
            .filter_map(|(at, window)| {
                let (dimension, axis) = self.dimension(at)?;
                let place = match window {
                    Window::At(index) => {
                        labels::bin(dimension, axis, 0).unwrap_or_else(|| index.to_string())
                    }
                    Window::Range { start, end, .. } => {
                        format!("{start} to {}, their mean", end - 1)
                    }
                };
                Some((dimension, place))
            })
    }

    /// Whether there is more than one element behind some bin.
    fn is_reduced(&self) -> bool {
        let bins: usize = self.reduction.axes.iter().map(Axis::bins).product();
        self.reduction.elements > bins as u64
    }
}
