//! A small image as PNG, each pixel a place in a palette. Nothing else of the format is needed here.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

/// The image as an address that holds it. `pixels` are `width` places in `palette` a row; place 0 is transparent.
pub(super) fn address(width: usize, pixels: &[u8], palette: &[[u8; 3]]) -> String {
    let width = width.max(1);
    let height = pixels.len() / width;
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut head = Vec::with_capacity(13);
    for length in [width, height] {
        head.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    }
    // Eight bits a pixel, with a palette, neither interlaced nor otherwise unusual.
    head.extend([8, 3, 0, 0, 0]);
    chunk(&mut png, *b"IHDR", &head);
    chunk(&mut png, *b"PLTE", palette.as_flattened());
    chunk(&mut png, *b"tRNS", &[0]);
    chunk(
        &mut png,
        *b"IDAT",
        &compressed(width, pixels).unwrap_or_default(),
    );
    chunk(&mut png, *b"IEND", &[]);
    format!("data:image/png;base64,{}", STANDARD.encode(png))
}

fn chunk(png: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    png.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
    png.extend(kind);
    png.extend(data);
    let mut crc = Crc::new();
    crc.update(&kind);
    crc.update(data);
    png.extend(crc.sum().to_be_bytes());
}

fn compressed(width: usize, pixels: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(6));
    for row in pixels.chunks(width) {
        // Before each row stands how it was predicted: not at all.
        encoder.write_all(&[0])?;
        encoder.write_all(row)?;
    }
    encoder.finish()
}
