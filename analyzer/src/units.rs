//! Numbers as a person reads them. Only reports and headlines use this; data keeps its unit.

/// `8.1 GB`, `560 MB`, `12 kB`: decimal multiples, two or three digits.
pub fn bytes(value: f64) -> String {
    if value.is_nan() {
        return "unknown".into();
    }
    let sign = if value < 0.0 { "−" } else { "" };
    let v = value.abs();
    for (unit, size) in [("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)] {
        if v >= size {
            return format!("{sign}{} {unit}", digits(v / size));
        }
    }
    format!("{sign}{} B", digits(v))
}

/// `560 MB/s`
pub fn byte_rate(value: f64) -> String {
    format!("{}/s", bytes(value))
}

/// `450,000`, `1.7`
pub fn count(value: f64) -> String {
    if value.is_nan() {
        return "an unknown number of".into();
    }
    let v = value.abs();
    if v > 0.0 && v < 10.0 && v.fract().abs() > 0.05 {
        return format!("{value:.1}");
    }
    let whole = format!("{:.0}", v);
    let mut out = String::new();
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(c);
    }
    if value < 0.0 && out != "0" {
        format!("−{out}")
    } else {
        out
    }
}

/// A length of time: `48 s`, `4 min 12 s`, `3 h 20 min`, `2 d 4 h`.
pub fn length(seconds: f64) -> String {
    if seconds.is_nan() {
        return "an unknown time".into();
    }
    let s = seconds.round() as i64;
    let two = |big: i64, unit: &str, small: i64, small_unit: &str| match small {
        0 => format!("{big} {unit}"),
        _ => format!("{big} {unit} {small} {small_unit}"),
    };
    match s {
        s if s < 120 => format!("{s} s"),
        s if s < 7200 => two(s / 60, "min", s % 60, "s"),
        s if s < 172_800 => two(s / 3600, "h", s % 3600 / 60, "min"),
        s => two(s / 86400, "d", s % 86400 / 3600, "h"),
    }
}

/// A value in its unit: `560 MB/s`, `43 %`, `450,000 pages/s`.
pub fn value(value: f64, unit: &str) -> String {
    if value.is_nan() {
        return "unknown".into();
    }
    match unit {
        "B" => bytes(value),
        "B/s" => byte_rate(value),
        "%" => format!("{} %", count(value)),
        "ratio" => format!("{value:.2}"),
        "1/s" => format!("{}/s", count(value)),
        "" => count(value),
        // One task, 1.2 tasks, no tasks.
        "tasks" | "pages" | "requests" if count(value) == "1" => format!("1 {}", &unit[..unit.len() - 1]),
        unit => format!("{} {unit}", count(value)),
    }
}

fn digits(v: f64) -> String {
    if v >= 100.0 {
        format!("{v:.0}")
    } else if v >= 10.0 {
        format!("{v:.1}").trim_end_matches(".0").to_string()
    } else {
        format!("{v:.2}")
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let shown = [
            bytes(8.1e9),
            bytes(-5.6e6),
            bytes(0.0),
            bytes(999.0),
            byte_rate(5.6e8),
            count(450000.0),
        ];
        assert_eq!(
            shown.join(" | "),
            "8.1 GB | −5.6 MB | 0 B | 999 B | 560 MB/s | 450,000"
        );
        let shown = [
            value(43.2, "%"),
            value(1.0, "ratio"),
            value(330.0, "1/s"),
            count(1.66),
            count(-3.0),
            value(1.0, "tasks"),
            value(0.0, "tasks"),
        ];
        assert_eq!(
            shown.join(" | "),
            "43 % | 1.00 | 330/s | 1.7 | −3 | 1 task | 0 tasks"
        );
    }
}
