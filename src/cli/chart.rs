//! A chart of blocks that fits a terminal: one column per span of time, its height the mean.

use std::{fmt::Write as _, time::Duration};

use crate::model::Timestamp;

/// Lines of a chart.
const HEIGHT: usize = 10;
/// Eighths of a block, from none to all of it.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Narrowest and widest field of columns that is drawn.
const WIDTH: (usize, usize) = (16, 400);

/// What is drawn.
#[derive(Debug)]
pub(super) struct Chart {
    /// What it shows.
    pub(super) title: String,
    /// The time from the left to the right side.
    pub(super) period: (Timestamp, Timestamp),
    /// How long a value counts from its time on; none for a single moment.
    pub(super) every: Option<Duration>,
    /// Every number that lies between bottom and top.
    pub(super) extremes: Vec<f64>,
    /// Values at their times.
    pub(super) values: Vec<(Timestamp, f64)>,
}

impl Chart {
    /// The chart in lines of at most `width` characters.
    pub(super) fn draw(&self, width: usize) -> String {
        let low = self.extremes.iter().copied().fold(f64::INFINITY, f64::min);
        let high = self.extremes.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if self.values.is_empty() {
            return format!("{}: nothing from {} to {}\n", self.title, self.period.0, self.period.1);
        }
        let (top, bottom) = (number(high), number(low));
        let margin = top.chars().count().max(bottom.chars().count());
        let columns = self.columns(width.saturating_sub(margin + 3).clamp(WIDTH.0, WIDTH.1));
        let heights: Vec<_> = columns.iter().map(|mean| mean.map(|mean| eighths(mean, low, high))).collect();
        let mut text = format!("{}\n", self.title);
        for line in (0..HEIGHT).rev() {
            let label = match line {
                0 => bottom.as_str(),
                line if line == HEIGHT - 1 => top.as_str(),
                _ => "",
            };
            let blocks: String = heights.iter().map(|height| block(*height, line)).collect();
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{label:>margin$} │{}", blocks.trim_end());
        }
        text.push_str(&self.axis(margin, columns.len()));
        text
    }

    /// The mean of each column; none where there is no value.
    fn columns(&self, most: usize) -> Vec<Option<f64>> {
        let span = self.period.1.since(self.period.0).as_millis().max(1);
        let buckets = self.every.map_or(most as u128, |every| span.div_ceil(every.as_millis().max(1)));
        let count = usize::try_from(buckets).unwrap_or(most).clamp(1, most);
        // Where few buckets meet many columns each is drawn as wide as it lasts.
        let wide = (most / count).max(1);
        let mut sums = vec![(0.0, 0_u32); count];
        for (t, value) in &self.values {
            let place = t.since(self.period.0).as_millis() * count as u128 / span;
            let place = usize::try_from(place).unwrap_or(count).min(count - 1);
            let (sum, n) = &mut sums[place];
            (*sum, *n) = (*sum + value, *n + 1);
        }
        let mean = |(sum, n): (f64, u32)| (n > 0).then(|| sum / f64::from(n));
        sums.into_iter().flat_map(|sum| std::iter::repeat_n(mean(sum), wide)).collect()
    }

    /// The line below, and the times at its ends.
    fn axis(&self, margin: usize, width: usize) -> String {
        let (from, to) = (short(self.period.0), short(self.period.1));
        let room = width.saturating_sub(from.chars().count());
        format!("{:margin$} └{}\n{:margin$}  {from}{to:>room$}\n", "", "─".repeat(width), "")
    }
}

/// A moment without its seconds.
fn short(t: Timestamp) -> String {
    let text = t.to_string();
    text.get(..16).map_or_else(|| text.clone(), |minute| format!("{minute}Z"))
}

/// How high a value stands, in eighths of a line; at least one, so that it is seen.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held between 1 and the height")]
fn eighths(value: f64, low: f64, high: f64) -> usize {
    let full = 8 * HEIGHT;
    // Halves, because the difference of two large numbers may be none.
    let share = (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
    // Equal values lie in the middle.
    let share = if share.is_finite() { share } else { 0.5 };
    #[expect(clippy::cast_precision_loss, reason = "80 is exact")]
    let height = (share * full as f64).round();
    (height.max(1.0) as usize).min(full)
}

/// What of a column is seen in a line, counted from below.
fn block(height: Option<usize>, line: usize) -> char {
    BLOCKS[height.unwrap_or(0).saturating_sub(8 * line).min(8)]
}

/// A number as people read it: no more than six digits that say something.
pub(super) fn number(value: f64) -> String {
    let digits = if value == 0.0 { 0.0 } else { value.abs().log10().floor() };
    if !(-4.0..15.0).contains(&digits) {
        return format!("{value:.5e}");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 9")]
    let decimals = (5.0 - digits).clamp(0.0, 9.0) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chart(values: &[f64]) -> Chart {
        let at = |place: usize| Timestamp::from_millis(60_000 * i64::try_from(place).unwrap());
        Chart {
            title: "meter-1/voltage V".to_owned(),
            period: (at(0), at(values.len())),
            every: Some(Duration::from_secs(60)),
            extremes: values.to_vec(),
            values: values.iter().enumerate().map(|(place, value)| (at(place), *value)).collect(),
        }
    }

    #[test]
    fn a_ramp_rises_from_the_least_to_the_largest_value() {
        let ramp: Vec<f64> = (0..=40).map(|step| f64::from(step) / 2.0).collect();
        let text = chart(&ramp).draw(80);
        let lines: Vec<&str> = text.lines().collect();

        assert_eq!(lines.len(), HEIGHT + 3);
        assert!(lines[1].starts_with("20 │") && lines[1].ends_with('█'), "{text}");
        assert!(lines[HEIGHT].starts_with(" 0 │▁"), "{text}");
        assert!(lines[HEIGHT + 2].trim_start().starts_with("1970-01-01T00:00Z") && lines[HEIGHT + 2].ends_with('Z'));
    }

    #[test]
    fn numbers_have_six_digits_that_say_something() {
        let shown = [0.0, 230.0626, -18.5, 1_234_567.25, 0.001_234_567_8, 1e-9, 1e300].map(number);
        assert_eq!(shown, ["0", "230.063", "-18.5", "1234567", "0.00123457", "1.00000e-9", "1.00000e300"]);
    }

    #[test]
    fn a_time_without_values_is_a_hole() {
        let mut holed = chart(&[1.0; 30]);
        holed.values.remove(10);
        let text = holed.draw(40);
        assert!(text.lines().nth(HEIGHT).unwrap().contains("█ █"), "{text}");
    }

    proptest! {
        #[test]
        fn any_chart_fits_its_width(
            values in proptest::collection::vec(proptest::num::f64::NORMAL, 0..300),
            width in 60_usize..300,
        ) {
            let text = chart(&values).draw(width);
            let widest = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
            // The sentence that there is nothing is as long as it is.
            prop_assert!(values.is_empty() || widest <= width, "{} > {}\n{}", widest, width, text);
        }
    }
}
