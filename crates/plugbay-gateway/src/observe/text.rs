//! The text format of Prometheus.

use std::fmt::Write as _;

use super::histogram::Snapshot;

/// A page of metrics in the making.
#[derive(Debug, Default)]
pub(super) struct Page(String);

impl Page {
    /// Begins a metric: what follows until the next one are its samples.
    pub(super) fn metric<'a>(&'a mut self, name: &'a str, kind: &str, help: &str) -> Samples<'a> {
        let help = help.replace('\\', r"\\").replace('\n', r"\n");
        // Text can always be written to.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        Samples { page: &mut self.0, name }
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// The samples of one metric.
pub(super) struct Samples<'a> {
    page: &'a mut String,
    name: &'a str,
}

impl Samples<'_> {
    pub(super) fn one(&mut self, labels: &[(&str, &str)], value: f64) {
        self.sample("", labels, None, value);
    }

    #[allow(clippy::cast_precision_loss, reason = "what is counted is less than 2^53")]
    pub(super) fn count(&mut self, labels: &[(&str, &str)], value: u64) {
        self.one(labels, value as f64);
    }

    #[allow(clippy::cast_precision_loss, reason = "what is counted is less than 2^53")]
    pub(super) fn histogram(&mut self, labels: &[(&str, &str)], snapshot: &Snapshot) {
        for (bound, count) in &snapshot.buckets {
            self.sample("_bucket", labels, Some(&bound.to_string()), *count as f64);
        }
        self.sample("_bucket", labels, Some("+Inf"), snapshot.count as f64);
        self.summary(labels, snapshot.count, snapshot.sum);
    }

    /// A summary without quantiles.
    #[allow(clippy::cast_precision_loss, reason = "what is counted is less than 2^53")]
    pub(super) fn summary(&mut self, labels: &[(&str, &str)], count: u64, sum: f64) {
        self.sample("_sum", labels, None, sum);
        self.sample("_count", labels, None, count as f64);
    }

    fn sample(&mut self, suffix: &str, labels: &[(&str, &str)], below: Option<&str>, value: f64) {
        self.page.push_str(self.name);
        self.page.push_str(suffix);
        let labels = labels.iter().copied().chain(below.map(|below| ("le", below)));
        let mut separator = '{';
        for (name, value) in labels {
            self.page.push(separator);
            self.page.push_str(name);
            self.page.push_str("=\"");
            for character in value.chars() {
                match character {
                    '\\' => self.page.push_str(r"\\"),
                    '"' => self.page.push_str("\\\""),
                    '\n' => self.page.push_str(r"\n"),
                    other => self.page.push(other),
                }
            }
            self.page.push('"');
            separator = ',';
        }
        if separator == ',' {
            self.page.push('}');
        }
        let value = if value.is_nan() {
            "NaN".to_owned()
        } else if value.is_infinite() {
            if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
        } else {
            value.to_string()
        };
        // Text can always be written to.
        let _ = writeln!(self.page, " {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_end_a_line_or_a_value_is_escaped() {
        let mut page = Page::default();
        let mut samples = page.metric("a_total", "counter", "Of \\ and\nlines.");
        samples.one(&[("l", "a\"b\\c\nd")], 1.5);
        samples.count(&[], 7);
        samples.one(&[("x", "1"), ("y", "2")], f64::INFINITY);
        assert_eq!(
            page.finish(),
            "# HELP a_total Of \\\\ and\\nlines.\n# TYPE a_total counter\n\
             a_total{l=\"a\\\"b\\\\c\\nd\"} 1.5\na_total 7\na_total{x=\"1\",y=\"2\"} +Inf\n"
        );
    }

    #[test]
    fn a_histogram_ends_with_all_of_it() {
        let mut page = Page::default();
        let snapshot = Snapshot { buckets: vec![(0.5, 1), (2.0, 3)], count: 4, sum: 9.5 };
        page.metric("h", "histogram", "H.").histogram(&[("l", "v")], &snapshot);
        let text = page.finish();
        let wanted = "h_bucket{l=\"v\",le=\"0.5\"} 1\nh_bucket{l=\"v\",le=\"2\"} 3\n\
            h_bucket{l=\"v\",le=\"+Inf\"} 4\nh_sum{l=\"v\"} 9.5\nh_count{l=\"v\"} 4\n";
        assert!(text.ends_with(wanted), "{text}");
    }
}
