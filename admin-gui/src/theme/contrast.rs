//! The contrasts of the tokens, by WCAG 2.2, and how colours are told apart without one kind of cones.

use super::{Color32, DARK, LIGHT, Tokens};

/// The least contrast of text, and of what is needed to find and to read a control.
const TEXT: f32 = 4.5;
const CONTROL: f32 = 3.0;

/// The least distance of two colours that mean different things, in Oklab.
const DISTINCT: f32 = 0.08;

/// What people see who lack the cones for red, green or blue, as matrices over linear colours.
/// Machado, Oliveira and Fernandes, 2009.
const VISIONS: [(&str, [[f32; 3]; 3]); 4] = [
    ("full", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    (
        "without red",
        [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ],
    ),
    (
        "without green",
        [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ],
    ),
    (
        "without blue",
        [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_900],
        ],
    ),
];

const THEMES: [(&str, &Tokens); 2] = [("dark", &DARK), ("light", &LIGHT)];

fn linear(color: Color32) -> [f32; 3] {
    let [red, green, blue, _] = color.to_array();
    [red, green, blue].map(|part| match f32::from(part) / 255.0 {
        dark if dark <= 0.04045 => dark / 12.92,
        bright => ((bright + 0.055) / 1.055).powf(2.4),
    })
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a.into_iter().zip(b).map(|(a, b)| a * b).sum()
}

fn contrast(a: Color32, b: Color32) -> f32 {
    let luminance = |color| dot(linear(color), [0.2126, 0.7152, 0.0722]) + 0.05;
    let (a, b) = (luminance(a), luminance(b));
    a.max(b) / a.min(b)
}

/// The distance of two colours in Oklab, as seen with a vision.
fn distance(a: Color32, b: Color32, vision: [[f32; 3]; 3]) -> f32 {
    let oklab = |color| {
        let seen = vision.map(|row| dot(row, linear(color)).clamp(0.0, 1.0));
        let cones = [
            [0.412_221_5, 0.536_332_5, 0.051_446],
            [0.211_903_5, 0.680_699_5, 0.107_397],
            [0.088_302_5, 0.281_718_8, 0.629_978_7],
        ]
        .map(|row| dot(row, seen).cbrt());
        [
            [0.210_454_3, 0.793_617_8, -0.004_072],
            [1.977_998_5, -2.428_592_2, 0.450_593_7],
            [0.025_904, 0.782_771_8, -0.808_675_8],
        ]
        .map(|row| dot(row, cones))
    };
    let squares = oklab(a).into_iter().zip(oklab(b)).map(|(a, b)| (a - b).powi(2));
    squares.sum::<f32>().sqrt()
}

impl Tokens {
    /// What text and controls stand on.
    fn surfaces(&self) -> [(&'static str, Color32); 6] {
        [
            ("ground", self.ground),
            ("raised", self.raised),
            ("floating", self.floating),
            ("control", self.control),
            ("hover", self.hover),
            ("selected", self.selected),
        ]
    }

    /// The colours with a meaning.
    fn meanings(&self) -> [(&'static str, Color32); 6] {
        [
            ("accent", self.accent),
            ("good", self.good),
            ("note", self.note),
            ("warning", self.warning),
            ("bad", self.bad),
            ("indeterminate", self.indeterminate),
        ]
    }
}

#[test]
fn text_is_legible_on_every_surface() {
    for (theme, tokens) in THEMES {
        let greys = [("text", tokens.text), ("muted", tokens.muted), ("faint", tokens.faint)];
        for (name, color) in greys.into_iter().chain(tokens.meanings()) {
            for (surface, behind) in tokens.surfaces() {
                let contrast = contrast(color, behind);
                assert!(contrast >= TEXT, "{theme}: {name} on {surface} has {contrast}");
            }
        }
        for fill in [tokens.accent, tokens.bad] {
            let contrast = contrast(tokens.on_fill, fill);
            assert!(contrast >= TEXT, "{theme}: text on a filled button has {contrast}");
        }
    }
}

#[test]
fn controls_are_seen_on_every_surface() {
    for (theme, tokens) in THEMES {
        for (surface, behind) in tokens.surfaces() {
            for (name, color) in [("outline", tokens.outline), ("focus", tokens.accent)] {
                let contrast = contrast(color, behind);
                assert!(contrast >= CONTROL, "{theme}: {name} on {surface} has {contrast}");
            }
        }
    }
}

#[test]
fn charts_and_bars_are_seen() {
    for (theme, tokens) in THEMES {
        for (surface, behind) in [("ground", tokens.ground), ("raised", tokens.raised)] {
            for color in tokens.series {
                let contrast = contrast(color, behind);
                assert!(contrast >= CONTROL, "{theme}: {color:?} on {surface} has {contrast}");
            }
        }
        for fill in [tokens.series[0], tokens.warning, tokens.bad] {
            let contrast = contrast(fill, tokens.line);
            assert!(contrast >= CONTROL, "{theme}: a bar's {fill:?} has {contrast}");
        }
    }
}

#[test]
fn every_vision_tells_series_apart() {
    for (theme, tokens) in THEMES {
        let [first, second, third] = tokens.series;
        for (vision, matrix) in VISIONS {
            for (a, b) in [(first, second), (first, third), (second, third)] {
                let distance = distance(a, b, matrix);
                assert!(distance >= DISTINCT, "{theme}, {vision}: {a:?} and {b:?} are alike");
            }
        }
    }
}

#[test]
fn one_colour_has_one_meaning() {
    for (theme, tokens) in THEMES {
        let series = tokens.series.map(|color| ("series", color));
        let all: Vec<_> = tokens.meanings().into_iter().chain(series).collect();
        for (at, &(name, color)) in all.iter().enumerate() {
            for &(other, same) in &all[..at] {
                let distance = distance(color, same, VISIONS[0].1);
                assert!(distance >= DISTINCT, "{theme}: {name} and {other} are alike: {distance}");
            }
        }
    }
}
