//! The query string: arguments in their order, each of which may come several times.

use crate::names::{percent_decode, query_encode};

/// Arguments in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Arguments(Vec<(String, String)>);

impl Arguments {
    pub(crate) fn parse(query: &str) -> Self {
        let decode = |text: &str| percent_decode(&text.replace('+', " "));
        let pairs = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decode(name), decode(value))
            });
        Self(pairs.collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The first value of an argument.
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// Every value of an argument.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter()
            .filter(move |(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.first(name).is_some()
    }

    /// Whether a switch is on: `on`, `true` or `1`.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.first(name)
            .is_some_and(|value| matches!(value, "on" | "true" | "1"))
    }

    /// Whether a switch is off: `off`, `false` or `0`.
    pub(crate) fn is_off(&self, name: &str) -> bool {
        self.first(name)
            .is_some_and(|value| matches!(value, "off" | "false" | "0"))
    }

    /// These arguments and one more.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut arguments = self.clone();
        arguments.0.push((name.to_owned(), value.to_owned()));
        arguments
    }

    /// These arguments without those of that name.
    pub(crate) fn without(&self, name: &str) -> Self {
        Self(
            self.0
                .iter()
                .filter(|(known, _)| known != name)
                .cloned()
                .collect(),
        )
    }

    /// These arguments without those of that name and value.
    pub(crate) fn without_pair(&self, name: &str, value: &str) -> Self {
        let other = |(known, with): &&(String, String)| known != name || with != value;
        Self(self.0.iter().filter(other).cloned().collect())
    }

    /// These arguments with one value in place of all of that name.
    pub(crate) fn replacing(&self, name: &str, value: &str) -> Self {
        self.without(name).with(name, value)
    }

    pub(crate) fn to_query(&self) -> String {
        let pairs: Vec<String> = self
            .iter()
            .map(|(name, value)| format!("{}={}", query_encode(name), query_encode(value)))
            .collect();
        pairs.join("&")
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Arguments {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self(pairs.into_iter().map(owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_keep_their_order_and_repetitions() {
        let arguments = Arguments::parse("a=1&b=&a=x+y%2Cz&c");
        assert_eq!(arguments.all("a").collect::<Vec<_>>(), ["1", "x y,z"]);
        assert_eq!(arguments.first("c"), Some(""));
        assert_eq!(arguments.replacing("a", "2").to_query(), "b=&c=&a=2");
        assert_eq!(arguments.to_query(), "a=1&b=&a=x+y%2Cz&c=");
    }
}
