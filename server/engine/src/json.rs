//! Writing JSON strings: all that the engine needs to write of JSON, since values arrive as text.

/// Appends `text` to `out` as a JSON string, quotes included.
pub(crate) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[plain..at]);
        push_escape(out, byte);
        plain = at + 1;
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

fn push_escape(out: &mut String, byte: u8) {
    match byte {
        b'"' => out.push_str("\\\""),
        b'\\' => out.push_str("\\\\"),
        b'\n' => out.push_str("\\n"),
        b'\r' => out.push_str("\\r"),
        b'\t' => out.push_str("\\t"),
        control => {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            out.push_str("\\u00");
            out.push(char::from(HEX[usize::from(control >> 4)]));
            out.push(char::from(HEX[usize::from(control & 15)]));
        }
    }
}

/// Appends a JSON object with `members`, whose values are JSON text already.
pub(crate) fn push_object(out: &mut String, members: &[(Box<str>, Box<str>)]) {
    out.push('{');
    for (place, (name, value)) in members.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        push_string(out, name);
        out.push(':');
        out.push_str(value);
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_values_left_alone() {
        let object = |members: &[(&str, &str)]| {
            let members: Vec<_> = members.iter().map(|&(name, value)| (name.into(), value.into())).collect();
            let mut out = String::new();
            push_object(&mut out, &members);
            out
        };
        assert_eq!(object(&[]), "{}");
        assert_eq!(
            object(&[("a\"b\\\n\u{1}é", "1.0"), ("c", "[ ]")]),
            "{\"a\\\"b\\\\\\n\\u0001é\":1.0,\"c\":[ ]}"
        );
    }

    #[test]
    fn any_text_survives_a_json_parser() {
        for text in ["", "\u{0}\u{1f}\u{7f}", "\t\r\n", "日本 \"q\" \\ /", "\u{2028}"] {
            let mut out = String::new();
            push_string(&mut out, text);
            assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }
}
