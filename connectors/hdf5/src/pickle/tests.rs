//! Pickles that the reader takes, and those that it refuses.

use super::{Pickle, Plain, plain};

fn text(text: &str) -> Plain {
    Plain::Text(text.to_owned())
}

#[test]
fn every_protocol_makes_the_same_values() {
    // pickle.dumps({"a": [1, -2, 2.5, None, True, "é", (300, 70000)], "b": b"\xff"}, protocol)
    let expected = Plain::Dict(vec![
        (
            text("a"),
            Plain::List(vec![
                Plain::Integer(1),
                Plain::Integer(-2),
                Plain::Real(2.5),
                Plain::None,
                Plain::Boolean(true),
                text("é"),
                Plain::Tuple(vec![Plain::Integer(300), Plain::Integer(70_000)]),
            ]),
        ),
        (text("b"), Plain::Bytes(vec![0xff])),
    ]);
    let pickles: [&[u8]; 6] = PICKLES;
    for (protocol, bytes) in pickles.iter().enumerate() {
        assert_eq!(
            plain(bytes).expect("it is read"),
            expected,
            "protocol {protocol}"
        );
    }
}

#[test]
fn what_would_be_called_is_refused_by_name() {
    for (bytes, name) in [
        (&b"cos\nsystem\n(S'true'\ntR."[..], "os.system"),
        (b"cbuiltins\neval\n(V1\ntR.", "builtins.eval"),
        (
            b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02ls\x85R.",
            "posix.system",
        ),
        (b"(S'x'\ni__main__\nThing\n.", "__main__.Thing"),
    ] {
        let error = plain(bytes).expect_err("it is refused").to_string();
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn persistent_and_registered_things_are_refused() {
    for bytes in [
        &b"Pid\n."[..],
        b"NQ.",
        b"\x80\x02\x82\x01.",
        b"\x80\x05\x97.",
        b"\x80\x06N.",
    ] {
        assert!(plain(bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn what_ends_early_or_late_is_an_error() {
    for bytes in [
        &b""[..],
        b"N",
        b"(lp0",
        b".",
        b"N.N.",
        b"K",
        b"X\xff\xff\xff\xffabc.",
        b"g7\n.",
        b"r\xff\xff\xff\x7f.",
    ] {
        assert!(plain(bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn a_list_that_holds_itself_and_one_that_doubles_itself_end() {
    assert!(plain(b"]q\x00h\x00a.").is_err());
    let mut doubling = b"]q\x00".to_vec();
    for at in 1..40 {
        doubling.extend_from_slice(&[b']', b'q', at, b'h', at - 1, b'a', b'h', at - 1, b'a']);
    }
    doubling.push(b'.');
    assert!(plain(&doubling).is_err());
}

#[test]
fn mutated_pickles_are_read_or_refused() {
    let mut state = 1_u64;
    let mut random = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    for _ in 0..20_000 {
        let mut bytes = PICKLES[random() % 6].to_vec();
        for _ in 0..=random() % 4 {
            let at = random() % bytes.len();
            match random() % 3 {
                0 => bytes[at] = random() as u8,
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, random() as u8),
            }
        }
        let _ = plain(&bytes);
        let _ = Pickle::of_rows(&bytes);
    }
}

const PICKLES: [&[u8]; 6] = [
    b"(dp0\nVa\np1\n(lp2\nI1\naI-2\naF2.5\naNaI01\naV\xe9\np3\na(I300\nI70000\ntp4\nasVb\np5\nc_codecs\nencode\np6\n(V\xff\np7\nVlatin1\np8\ntp9\nRp10\ns.",
    b"}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01J\xfe\xff\xff\xffG@\x04\x00\x00\x00\x00\x00\x00NI01\nX\x02\x00\x00\x00\xc3\xa9q\x03(M,\x01Jp\x11\x01\x00tq\x04eX\x01\x00\x00\x00bq\x05c_codecs\nencode\nq\x06(X\x02\x00\x00\x00\xc3\xbfq\x07X\x06\x00\x00\x00latin1q\x08tq\x09Rq\nu.",
    b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01J\xfe\xff\xff\xffG@\x04\x00\x00\x00\x00\x00\x00N\x88X\x02\x00\x00\x00\xc3\xa9q\x03M,\x01Jp\x11\x01\x00\x86q\x04eX\x01\x00\x00\x00bq\x05c_codecs\nencode\nq\x06X\x02\x00\x00\x00\xc3\xbfq\x07X\x06\x00\x00\x00latin1q\x08\x86q\x09Rq\nu.",
    b"\x80\x03}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01J\xfe\xff\xff\xffG@\x04\x00\x00\x00\x00\x00\x00N\x88X\x02\x00\x00\x00\xc3\xa9q\x03M,\x01Jp\x11\x01\x00\x86q\x04eX\x01\x00\x00\x00bq\x05C\x01\xffq\x06u.",
    b"\x80\x04\x956\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94]\x94(K\x01J\xfe\xff\xff\xffG@\x04\x00\x00\x00\x00\x00\x00N\x88\x8c\x02\xc3\xa9\x94M,\x01Jp\x11\x01\x00\x86\x94e\x8c\x01b\x94C\x01\xff\x94u.",
    b"\x80\x05\x956\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94]\x94(K\x01J\xfe\xff\xff\xffG@\x04\x00\x00\x00\x00\x00\x00N\x88\x8c\x02\xc3\xa9\x94M,\x01Jp\x11\x01\x00\x86\x94e\x8c\x01b\x94C\x01\xff\x94u.",
];
