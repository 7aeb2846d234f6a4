//! The drawing: a line with the spread around it, or cells with the scale of their colours; each for a wide and for a
//! narrow sheet, because letters do not shrink.

use std::fmt::Write;

use tablecast_connector::{Axis, Coordinates, Dimension, DimensionKind};

use super::axis::{Placed, Way, placed, round};
use super::colours::{PALETTE, name, place};
use super::labels::short;
use super::{Picture, line, png};
use crate::response::html;

/// What a picture that stands alone looks like. On pages the page's sheet says the same.
const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#5b6470}.frame{fill:none;stroke:#8a929c}\
    .grid{stroke:#8a929c;stroke-opacity:.35}.mean{fill:none;stroke:#0b5c8a;stroke-width:1.6;stroke-linejoin:round}\
    .dot{fill:#0b5c8a}.spread{fill:#0b5c8a;fill-opacity:.22;stroke:#0b5c8a;stroke-opacity:.4;stroke-width:.6}.cells{image-rendering:pixelated}\
    @media(prefers-color-scheme:dark){text{fill:#9aa5b1}.mean{stroke:#7cc4ee}.dot,.spread{fill:#7cc4ee}.spread{stroke:#7cc4ee}}";

/// How wide the sheet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    Wide,
    Narrow,
}

/// A picture for a page: what both drawings share, and the two.
pub(crate) struct Parts {
    pub(crate) store: String,
    pub(crate) wide: String,
    pub(crate) narrow: String,
}

/// The drawings of a picture for a page.
pub(crate) fn parts(picture: &Picture<'_>) -> Parts {
    let store = store(picture);
    Parts {
        store: format!(
            "<svg class=\"store\" width=\"0\" height=\"0\" aria-hidden=\"true\">{store}</svg>"
        ),
        wide: drawing(picture, Size::Wide, "", "class=\"wide\""),
        narrow: drawing(picture, Size::Narrow, "", "class=\"narrow\""),
    }
}

/// A picture as a file of its own.
pub(crate) fn standalone(picture: &Picture<'_>, size: Size) -> String {
    let before = format!("<style>{STYLE}</style><defs>{}</defs>", store(picture));
    drawing(
        picture,
        size,
        &before,
        "xmlns=\"http://www.w3.org/2000/svg\"",
    )
}

/// The cells and the scale of colours, to be used at any size.
fn store(picture: &Picture<'_>) -> String {
    if picture.plan.y.is_none() {
        return String::new();
    }
    let (across, down) = picture.size();
    let turned = Ways::of(picture);
    let (least, most) = picture.reduction.range().unwrap_or((0.0, 0.0));
    let mut pixels = Vec::with_capacity(across * down);
    for row in 0..down {
        let y = if turned.down { down - 1 - row } else { row };
        for column in 0..across {
            let x = if turned.right {
                across - 1 - column
            } else {
                column
            };
            let value = picture.value(&picture.reduction.means, x, y);
            pixels.push(place(value, least, most));
        }
    }
    let address = png::address(across, &pixels, &PALETTE);
    let mut out = format!(
        "<symbol id=\"cells\" viewBox=\"0 0 {across} {down}\" preserveAspectRatio=\"none\">\
         <image class=\"cells\" image-rendering=\"pixelated\" width=\"{across}\" height=\"{down}\" preserveAspectRatio=\"none\" href=\"{address}\"/></symbol>"
    );
    for (id, end) in [
        ("scale-up", "x2=\"0\" y1=\"1\" y2=\"0\""),
        ("scale-right", "x2=\"1\""),
    ] {
        let _ = write!(out, "<linearGradient id=\"{id}\" {end}>");
        for step in 0..=16_u8 {
            let part = f64::from(step) / 16.0;
            let _ = write!(
                out,
                "<stop offset=\"{part}\" stop-color=\"{}\"/>",
                name(part)
            );
        }
        out.push_str("</linearGradient>");
    }
    out
}

/// Whether the axes run against the order in which they are stored.
pub(super) struct Ways {
    pub(super) right: bool,
    pub(super) down: bool,
}

impl Ways {
    pub(super) fn of(picture: &Picture<'_>) -> Self {
        let turned = |at: usize, way| {
            let found = picture.dimension(at);
            found.is_some_and(|(dimension, axis)| placed(dimension, axis, 1, way).is_turned)
        };
        Self {
            right: turned(picture.plan.x, Way::Right),
            down: picture.plan.y.is_some_and(|at| turned(at, Way::Down)),
        }
    }
}

/// Where the picture itself is on the sheet.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Frame {
    fn right(self) -> f64 {
        self.left + self.width
    }

    fn bottom(self) -> f64 {
        self.top + self.height
    }

    pub(super) fn x(self, part: f64) -> f64 {
        self.left + part * self.width
    }

    pub(super) fn y(self, part: f64) -> f64 {
        self.top + part * self.height
    }
}

fn drawing(picture: &Picture<'_>, size: Size, before: &str, attributes: &str) -> String {
    let is_flat = picture.plan.y.is_some();
    let (sheet, left, right, bottom) = match (size, is_flat) {
        (Size::Wide, true) => (860.0, 74.0, 112.0, 46.0),
        (Size::Wide, false) => (860.0, 74.0, 16.0, 46.0),
        (Size::Narrow, true) => (360.0, 52.0, 10.0, 100.0),
        (Size::Narrow, false) => (360.0, 56.0, 10.0, 46.0),
    };
    let width: f64 = sheet - left - right;
    let frame = Frame {
        left,
        top: 28.0,
        width,
        height: (width * ratio(picture, size)).round(),
    };
    let height = frame.bottom() + bottom;
    let mut out = String::new();
    if is_flat {
        cells(picture, size, frame, &mut out);
    } else {
        line::line(picture, size, frame, &mut out);
    }
    let turned = Ways::of(picture);
    let (across, down) = picture.size();
    let Frame {
        left,
        top,
        width,
        height: tall,
    } = frame;
    format!(
        "<svg {attributes} viewBox=\"0 0 {sheet} {height}\" role=\"img\" aria-label=\"{}\" data-frame=\"{left} {top} {width} {tall}\" \
         data-bins=\"{across} {down}\" data-turned=\"{} {}\">{before}{out}</svg>",
        escape(&said(picture)),
        u8::from(turned.right),
        u8::from(turned.down),
    )
}

/// The picture for those who do not see it.
fn said(picture: &Picture<'_>) -> String {
    let unit = picture
        .unit()
        .map_or_else(String::new, |unit| format!(" {unit}"));
    match picture.reduction.range() {
        Some((least, most)) => format!(
            "{}; from {} to {}{unit}",
            picture.words(),
            short(least),
            short(most)
        ),
        None => format!("{}; there are no numbers", picture.words()),
    }
}

/// The frame's height as a part of its width: that of the Earth for maps, that of the elements for plain arrays.
fn ratio(picture: &Picture<'_>, size: Size) -> f64 {
    let (low, high) = match size {
        Size::Wide => (0.25, 0.6),
        Size::Narrow => (0.45, 1.3),
    };
    let Some(y) = picture.plan.y else {
        return if size == Size::Wide { 0.4 } else { 0.7 };
    };
    let (Some(x), Some(y)) = (picture.dimension(picture.plan.x), picture.dimension(y)) else {
        return low;
    };
    let extent = |(dimension, axis): (&Dimension, &Axis)| match (&axis.coordinates, dimension.kind)
    {
        (Coordinates::Numbers(numbers), DimensionKind::Latitude | DimensionKind::Longitude) => {
            let (first, last) = numbers.first().zip(numbers.last())?;
            let bins = numbers.len() as f64;
            Some((last - first).abs() * bins / (bins - 1.0).max(1.0))
        }
        (Coordinates::None, _) => {
            let (first, last) = axis.edges.first().zip(axis.edges.last())?;
            Some((last - first) as f64)
        }
        _ => None,
    };
    let is_alike = matches!(x.1.coordinates, Coordinates::None)
        == matches!(y.1.coordinates, Coordinates::None);
    let ratio = match (extent(x), extent(y)) {
        (Some(x), Some(y)) if is_alike && x > 0.0 && y > 0.0 => y / x,
        _ => 0.6,
    };
    // What is far from square would be a thread: it is drawn as a sheet.
    let is_thread = !(0.1..=4.0).contains(&ratio);
    if is_thread {
        0.6_f64.clamp(low, high)
    } else {
        ratio.clamp(low, high)
    }
}

fn cells(picture: &Picture<'_>, size: Size, frame: Frame, out: &mut String) {
    let Frame {
        left,
        top,
        width,
        height,
    } = frame;
    let _ = write!(
        out,
        "<use href=\"#cells\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"/>"
    );
    let is_map = picture.plan.is_map();
    if let Some((dimension, axis)) = picture.plan.y.and_then(|at| picture.dimension(at)) {
        let most = (height / 34.0) as usize;
        let ticks = placed(dimension, axis, most, Way::Down);
        upright(&ticks, frame, is_map, out);
        text(4.0, top - 13.0, "start", &title(dimension), out);
    }
    across(picture, size, frame, is_map, out);
    outline(frame, out);
    if picture.reduction.range().is_none() {
        text(frame.x(0.5), frame.y(0.5), "middle", "no numbers here", out);
        return;
    }
    match size {
        Size::Wide => scale_beside(picture, frame, out),
        Size::Narrow => scale_below(picture, frame, out),
    }
}

pub(super) fn outline(frame: Frame, out: &mut String) {
    let Frame {
        left,
        top,
        width,
        height,
    } = frame;
    let _ = write!(
        out,
        "<rect class=\"frame\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"/>"
    );
}

/// What the axis is called.
fn title(dimension: &Dimension) -> String {
    let is_angle = matches!(
        dimension.kind,
        DimensionKind::Latitude | DimensionKind::Longitude
    );
    match dimension
        .unit
        .as_deref()
        .filter(|unit| !unit.is_empty() && !is_angle)
    {
        Some(unit) => format!("{} ({unit})", dimension.name),
        None => dimension.name.clone(),
    }
}

/// The axis from left to right.
pub(super) fn across(
    picture: &Picture<'_>,
    size: Size,
    frame: Frame,
    with_lines: bool,
    out: &mut String,
) {
    let Some((dimension, axis)) = picture.dimension(picture.plan.x) else {
        return;
    };
    let is_text = matches!(axis.coordinates, Coordinates::Texts(_));
    let room = if is_text { 150.0 } else { 78.0 };
    let most = (frame.width / room) as usize;
    let (top, bottom) = (frame.top, frame.bottom());
    for (at, label) in placed(dimension, axis, most.max(2), Way::Right).ticks {
        let x = frame.x(at);
        if with_lines {
            let _ = write!(
                out,
                "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{bottom}\"/>"
            );
        }
        let _ = write!(
            out,
            "<line class=\"frame\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{bottom}\" y2=\"{:.1}\"/>",
            bottom + 5.0
        );
        // Letters at the ends stay on the sheet.
        let half = 3.6 * label.chars().count() as f64;
        let end = if size == Size::Wide { 856.0 } else { 356.0 };
        let x = x.clamp(half + 2.0, (end - half).max(half + 2.0));
        text(x, bottom + 19.0, "middle", &label, out);
    }
    text(
        frame.x(0.5),
        bottom + 38.0,
        "middle",
        &title(dimension),
        out,
    );
}

/// The axis at the left.
pub(super) fn upright(ticks: &Placed, frame: Frame, with_lines: bool, out: &mut String) {
    let (left, right) = (frame.left, frame.right());
    for (at, label) in &ticks.ticks {
        let y = frame.y(*at);
        if with_lines {
            let _ = write!(
                out,
                "<line class=\"grid\" x1=\"{left}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
            );
        }
        let _ = write!(
            out,
            "<line class=\"frame\" x1=\"{:.1}\" x2=\"{left}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
            left - 5.0
        );
        text(left - 9.0, y + 4.5, "end", label, out);
    }
}

/// The numbers that are written beside a scale, and where, from its start to its end.
fn scale_ticks(picture: &Picture<'_>, most: usize) -> Vec<(f64, String)> {
    let Some((least, greatest)) = picture.reduction.range() else {
        return Vec::new();
    };
    let ticks = round(least, greatest, most);
    if ticks.is_empty() {
        return vec![(0.5, short(least))];
    }
    let part = |tick: f64| ((tick - least) / (greatest - least)).clamp(0.0, 1.0);
    ticks
        .into_iter()
        .map(|tick| (part(tick), short(tick)))
        .collect()
}

fn scale_beside(picture: &Picture<'_>, frame: Frame, out: &mut String) {
    let (x, top, height) = (frame.right() + 20.0, frame.top, frame.height);
    let _ = write!(
        out,
        "<rect fill=\"url(#scale-up)\" x=\"{x}\" y=\"{top}\" width=\"16\" height=\"{height}\"/>"
    );
    for (at, label) in scale_ticks(picture, (height / 40.0) as usize) {
        let y = frame.y(1.0 - at);
        let _ = write!(
            out,
            "<line class=\"frame\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
            x + 16.0,
            x + 21.0
        );
        text(x + 25.0, y + 4.5, "start", &label, out);
    }
    if let Some(unit) = picture.unit() {
        text(856.0, top - 13.0, "end", &super::labels::cut(unit), out);
    }
}

fn scale_below(picture: &Picture<'_>, frame: Frame, out: &mut String) {
    let (left, y, width) = (frame.left, frame.bottom() + 50.0, frame.width);
    let _ = write!(
        out,
        "<rect fill=\"url(#scale-right)\" x=\"{left}\" y=\"{y}\" width=\"{width}\" height=\"12\"/>"
    );
    for (at, label) in scale_ticks(picture, 4) {
        let half = 3.6 * label.chars().count() as f64;
        let x = frame.x(at).clamp(half, 356.0 - half);
        text(x, y + 28.0, "middle", &label, out);
    }
    if let Some(unit) = picture.unit() {
        text(
            left + width,
            y + 44.0,
            "end",
            &super::labels::cut(unit),
            out,
        );
    }
}

pub(super) fn text(x: f64, y: f64, anchor: &str, words: &str, out: &mut String) {
    let words = escape(words);
    let _ = write!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>"
    );
}

/// Words as they may stand in XML, which has no place for control characters.
fn escape(words: &str) -> String {
    let is_plain = |c: char| if c.is_control() { ' ' } else { c };
    html::escape(&words.chars().map(is_plain).collect::<String>())
}
