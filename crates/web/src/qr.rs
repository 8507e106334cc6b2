//! QR codes as one SVG path, which a page draws without any markup of ours.
use fast_qr::{ECL, QRBuilder};
use std::fmt::Write;

/// White around the code, in modules (ISO/IEC 18004).
const MARGIN: usize = 4;

/// A code to be drawn.
#[derive(Debug, PartialEq, Eq)]
pub struct Qr {
    /// Its width and height with the margin, in modules.
    pub size: usize,
    /// Its dark modules, each row's runs as rectangles, in the words of SVG's `d`.
    pub path: String,
}

/// Draws a text; `None` if it is too long for any code.
pub fn draw(text: &str) -> Option<Qr> {
    let code = QRBuilder::new(text).ecl(ECL::M).build().ok()?;
    let mut path = String::new();
    for y in 0..code.size {
        let row = &code[y];
        let mut x = 0;
        while x < code.size {
            let run = row[x..code.size].iter().take_while(|module| module.value()).count();
            if run > 0 {
                let _ = write!(path, "M{} {}h{run}v1h-{run}z", x + MARGIN, y + MARGIN);
            }
            x += run + 1;
        }
    }
    Some(Qr { size: code.size + 2 * MARGIN, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_three_corners_and_its_margin() {
        let qr = draw("otpauth://totp/Sotto:ann?secret=A&issuer=Sotto").expect("is short");
        // The first row begins and ends with the upper edge of a finder pattern.
        assert!(qr.path.starts_with("M4 4h7v1h-7z"), "{}", qr.path);
        let right = qr.size - MARGIN - 7;
        let bottom = qr.size - MARGIN - 1;
        assert!(qr.path.contains(&format!("M{right} 4h7v1h-7z")));
        assert!(qr.path.contains(&format!("M4 {bottom}h7v1h-7z")));
    }

    #[test]
    fn what_no_code_holds_is_not_drawn() {
        assert_eq!(draw(&"x".repeat(10_000)), None);
    }
}
