//! Numbers as people read them.

/// What stands for a number that is none.
pub const NONE: &str = "–";

/// With so many decimals and a true minus sign; a zero has no sign.
pub fn fixed(value: f32, decimals: usize) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| c == '0' || c == '.') => rest.to_owned(),
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}

/// Four decimals, as the notebook prints.
pub fn fixed4(value: f32) -> String {
    fixed(value, 4)
}

/// Three significant digits for codes, whose scale differs from SAE to SAE.
pub fn significant(value: f32) -> String {
    if !value.is_finite() || value == 0.0 {
        return fixed(value, 0);
    }
    let digits_before = value.abs().log10().floor() as i32 + 1;
    if digits_before < -3 {
        return format!("{value:.2e}");
    }
    fixed(value, usize::try_from(3 - digits_before).unwrap_or(0))
}

/// A count with thousands apart: 9,216.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in decimal units, as hosts and browsers count: 812 kB, 45.2 MB.
pub fn bytes(value: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if value < 1000 {
        return format!("{value} B");
    }
    let mut amount = value as f64 / 1000.0;
    let mut unit = 0;
    // 999.6 would be written as 1000.
    while amount >= 999.5 && unit + 1 < UNITS.len() {
        amount /= 1000.0;
        unit += 1;
    }
    let decimals = if amount < 9.995 { 2 } else { usize::from(amount < 99.95) };
    // Whole kilobytes are exact enough.
    let decimals = if unit == 0 { 0 } else { decimals };
    format!("{amount:.decimals$} {}", UNITS[unit])
}

/// A duration: 340 ms, 2.4 s, 1 min 12 s.
pub fn duration(milliseconds: f64) -> String {
    if !milliseconds.is_finite() || milliseconds < 0.0 {
        NONE.to_owned()
    } else if milliseconds < 999.5 {
        format!("{milliseconds:.0} ms")
    } else if milliseconds < 59_950.0 {
        format!("{:.1} s", milliseconds / 1000.0)
    } else {
        let seconds = (milliseconds / 1000.0).round() as u64;
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_signs_and_nothing() {
        assert_eq!(fixed4(0.76891), "0.7689");
        assert_eq!(fixed4(-0.25), "−0.2500");
        assert_eq!(fixed4(-0.00001), "0.0000");
        assert_eq!(fixed4(f32::NAN), "–");
    }

    #[test]
    fn codes_keep_three_digits() {
        assert_eq!(significant(12.345), "12.3");
        assert_eq!(significant(0.012345), "0.0123");
        assert_eq!(significant(1234.5), "1234");
        assert_eq!(significant(0.000012345), "1.23e-5");
        assert_eq!(significant(0.0), "0");
    }

    #[test]
    fn bytes_step_up_without_a_thousand() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(812_345), "812 kB");
        assert_eq!(bytes(999_700), "1.00 MB");
        assert_eq!(bytes(45_230_000), "45.2 MB");
        assert_eq!(bytes(123_000_000), "123 MB");
        assert_eq!(bytes(2_500_000_000), "2.50 GB");
    }

    #[test]
    fn counts_and_durations() {
        assert_eq!(count(5), "5");
        assert_eq!(count(9216), "9,216");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(duration(340.2), "340 ms");
        assert_eq!(duration(2_449.0), "2.4 s");
        assert_eq!(duration(72_000.0), "1 min 12 s");
    }
}
