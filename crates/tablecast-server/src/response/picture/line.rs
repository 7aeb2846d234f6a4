//! The drawing of a line: its axes, the means, and the spread around them. Where numbers are missing, the line is broken.

use std::fmt::Write;

use super::Picture;
use super::axis::{Placed, round};
use super::draw::{Frame, Size, Ways, across, outline, text, upright};
use super::labels::short;

/// Draws the line along the only dimension that is drawn, with what is behind its means.
pub(super) fn line(picture: &Picture<'_>, size: Size, frame: Frame, out: &mut String) {
    let range = picture.reduction.range();
    let (least, most) = widened(range.unwrap_or((0.0, 1.0)));
    let part = |value: f64| (most - value) / (most - least);
    let ticks = round(least, most, (frame.height / 40.0) as usize);
    let ticks = Placed {
        ticks: ticks
            .into_iter()
            .map(|tick| (part(tick), short(tick)))
            .collect(),
        is_turned: false,
    };
    if range.is_some() {
        upright(&ticks, frame, true, out);
    }
    across(picture, size, frame, false, out);
    outline(frame, out);
    let column = &picture.plan.request.column;
    let name = if column == "value" {
        &picture.info.name
    } else {
        column
    };
    let unit = picture
        .unit()
        .map_or_else(String::new, |unit| format!(" ({unit})"));
    text(
        4.0,
        frame.top - 10.0,
        "start",
        &format!("{name}{unit}"),
        out,
    );
    if range.is_none() {
        text(frame.x(0.5), frame.y(0.5), "middle", "no numbers here", out);
        return;
    }
    let turned = Ways::of(picture);
    let (bins, _) = picture.size();
    let points: Vec<Point> = (0..bins)
        .map(|at| {
            let x = (at as f64 + 0.5) / bins as f64;
            let at_y = |values| frame.y(part(picture.value(values, at, 0)));
            Point {
                x: frame.x(if turned.right { 1.0 - x } else { x }),
                mean: at_y(&picture.reduction.means),
                top: at_y(&picture.reduction.maxima),
                bottom: at_y(&picture.reduction.minima),
            }
        })
        .collect();
    let runs = points
        .split(|point| point.mean.is_nan())
        .filter(|run| !run.is_empty());
    for run in runs {
        run_of(run, picture.is_reduced(), bins <= 60, out);
    }
}

/// A place on a line, on the sheet.
#[derive(Clone, Copy)]
struct Point {
    x: f64,
    mean: f64,
    top: f64,
    bottom: f64,
}

/// Points between which nothing is missing.
fn run_of(run: &[Point], with_spread: bool, with_dots: bool, out: &mut String) {
    if with_spread {
        out.push_str("<path class=\"spread\" d=\"");
        let there = run.iter().map(|point| (point.x, point.top));
        let back = run.iter().rev().map(|point| (point.x, point.bottom));
        path(there.chain(back), out);
        out.push_str("Z\"/>");
    }
    if run.len() > 1 {
        out.push_str("<path class=\"mean\" d=\"");
        path(run.iter().map(|point| (point.x, point.mean)), out);
        out.push_str("\"/>");
    }
    if with_dots || run.len() == 1 {
        for Point { x, mean, .. } in run {
            let _ = write!(
                out,
                "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{mean:.1}\" r=\"2.4\"/>"
            );
        }
    }
}

fn path(points: impl Iterator<Item = (f64, f64)>, out: &mut String) {
    for (at, (x, y)) in points.enumerate() {
        let command = if at == 0 { 'M' } else { 'L' };
        let _ = write!(out, "{command}{x:.1} {y:.1}");
    }
}

/// The range with a little room at both ends, so that a line is not drawn on the frame.
fn widened((least, most): (f64, f64)) -> (f64, f64) {
    let room = if most > least {
        (most - least) * 0.04
    } else {
        least.abs().max(1.0) * 0.1
    };
    // Where a double ends, there is no room.
    if (most - least + 2.0 * room).is_finite() {
        (least - room, most + room)
    } else {
        (least / 2.0, most / 2.0)
    }
}
