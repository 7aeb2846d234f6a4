//! Frames: a line of JSON, and the payload whose length the line tells. Nothing is allocated by what a guest claims
//! beyond the limits, and a line that never ends is an error as soon as it is too long.

use std::io::{BufRead, Read};

use tablecast_connector::{Error, Result};

use crate::message::{Hello, LINE_BYTES_MAX, PAYLOAD_BYTES_MAX, Reply, VALUES_MAX, cut};

/// One message with its payload.
#[derive(Debug)]
pub(crate) enum Frame {
    Hello(Hello),
    Reply(Reply, Vec<u8>),
}

/// The next frame; `None` where the guest closed its output between two.
pub(crate) fn read(input: &mut impl BufRead) -> Result<Option<Frame>> {
    let mut line = Vec::new();
    let took = input
        .take(LINE_BYTES_MAX as u64 + 1)
        .read_until(b'\n', &mut line)
        .map_err(broken)?;
    if took == 0 {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') {
        return Err(if line.len() > LINE_BYTES_MAX {
            Error::internal(format!(
                "it sent a line of more than {LINE_BYTES_MAX} bytes"
            ))
        } else {
            Error::internal("it stopped in the middle of a message")
        });
    }
    if values(&line) > VALUES_MAX {
        return Err(Error::internal(format!(
            "it sent a message of more than {VALUES_MAX} values"
        )));
    }
    let reply: Reply = parse(&line)?;
    if reply.kind == "hello" {
        return parse(&line).map(|hello| Some(Frame::Hello(hello)));
    }
    let bytes = reply.bytes.unwrap_or(0);
    if bytes > PAYLOAD_BYTES_MAX {
        return Err(Error::internal(format!(
            "it announced a payload of {bytes} bytes; {PAYLOAD_BYTES_MAX} are allowed"
        )));
    }
    let mut payload = Vec::new();
    input
        .take(bytes as u64)
        .read_to_end(&mut payload)
        .map_err(broken)?;
    if payload.len() < bytes {
        return Err(Error::internal(format!(
            "it stopped after {} of the {bytes} bytes of a payload",
            payload.len()
        )));
    }
    Ok(Some(Frame::Reply(reply, payload)))
}

/// How many values a line of JSON has, or a few more.
fn values(line: &[u8]) -> usize {
    let (mut count, mut in_text, mut is_escaped) = (1, false, false);
    for byte in line {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_text,
            b'"' => in_text = !in_text,
            b',' | b'[' | b'{' if !in_text => count += 1,
            _ => {}
        }
    }
    count
}

fn parse<T: serde::de::DeserializeOwned>(line: &[u8]) -> Result<T> {
    serde_json::from_slice(line).map_err(|cause| {
        let text = String::from_utf8_lossy(line.get(..80.min(line.len())).unwrap_or_default());
        Error::internal(format!(
            "it sent what is no message of the protocol: {} ({cause})",
            cut(text.trim_end())
        ))
    })
}

fn broken(cause: std::io::Error) -> Error {
    Error::internal("its output broke").caused_by(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(input: &[u8]) -> String {
        match read(&mut &*input) {
            Err(error) => error.message().to_owned(),
            Ok(frame) => format!("{frame:?}"),
        }
    }

    #[test]
    fn a_payload_follows_its_line() {
        let mut input: &[u8] =
            b"{\"type\":\"batch\",\"id\":1,\"bytes\":3}\nabc{\"type\":\"result\",\"id\":1}\n";
        let Ok(Some(Frame::Reply(batch, payload))) = read(&mut input) else {
            panic!("no batch");
        };
        assert_eq!((batch.id, payload.as_slice()), (Some(1), &b"abc"[..]));
        assert!(matches!(read(&mut input), Ok(Some(Frame::Reply(end, _))) if end.kind == "result"));
        assert!(matches!(read(&mut input), Ok(None)));
    }

    #[test]
    fn numbers_are_read_to_the_last_digit() {
        let mut input: &[u8] =
            b"{\"type\":\"batch\",\"id\":1,\"rows\":[[0.9595258944714983,18446744073709551615]]}\n";
        let Ok(Some(Frame::Reply(batch, _))) = read(&mut input) else {
            panic!("no batch");
        };
        let rows = serde_json::json!([[0.959_525_894_471_498_3_f64, u64::MAX]]);
        assert_eq!(batch.rows.map(|rows| serde_json::json!(rows)), Some(rows));
    }

    #[test]
    fn what_stands_in_a_text_is_no_value() {
        assert_eq!(values(br#"{"a":["x,[\\\",{",1]}"#), 4);
    }

    #[test]
    fn what_is_no_frame_is_refused_with_its_reason() {
        assert!(refusal(b"{\"type\":").contains("in the middle of a message"));
        assert!(refusal(b"print(1)\n").contains("no message of the protocol: print(1)"));
        assert!(refusal(b"[]\n").contains("no message"));
        assert!(refusal(b"{\"type\":\"hello\"}\n").contains("protocol"));
        assert!(
            refusal(b"{\"type\":\"batch\",\"bytes\":99999999999}\nx")
                .contains("payload of 99999999999")
        );
        assert!(refusal(b"{\"type\":\"batch\",\"bytes\":4}\nabc").contains("3 of the 4 bytes"));
        let crowd = format!(
            "{{\"type\":\"batch\",\"rows\":[[0{}]]}}\n",
            ",0".repeat(VALUES_MAX)
        );
        assert!(refusal(crowd.as_bytes()).contains("more than 1000000 values"));
        assert!(refusal(&vec![b'x'; LINE_BYTES_MAX + 2]).contains("a line of more than"));
    }
}
