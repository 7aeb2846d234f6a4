//! The keys of one mapping of a manifest: each is taken once with its type, and what is left over is unknown. Every error
//! names the file and the key.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde_yaml_ng::Value as Yaml;
use tablecast_connector::{Error, Result, did_you_mean};

/// A mapping that is being read.
#[derive(Debug)]
pub(crate) struct Keys<'a> {
    file: &'a str,
    path: String,
    left: BTreeMap<&'a str, &'a Yaml>,
    known: Vec<&'static str>,
}

impl<'a> Keys<'a> {
    /// The mapping `value`, which stands at `path` of `file`; the path of the whole file is empty.
    pub(crate) fn of(file: &'a str, path: String, value: &'a Yaml) -> Result<Self> {
        let mut keys = Self {
            file,
            path,
            left: BTreeMap::new(),
            known: Vec::new(),
        };
        let Some(mapping) = value.as_mapping() else {
            return Err(keys.wrong_here(&format!("is {}, not keys with values", named(value))));
        };
        for (key, value) in mapping {
            let Some(key) = key.as_str() else {
                return Err(keys.wrong_here("has a key that is not a text; put it in quotes"));
            };
            keys.left.insert(key, value);
        }
        Ok(keys)
    }

    /// The mapping `value`, which stands at `path` below this one.
    pub(crate) fn below(&self, path: &str, value: &'a Yaml) -> Result<Self> {
        Self::of(self.file, self.path_of(path), value)
    }

    /// An error about the value of `key`.
    pub(crate) fn wrong(&self, key: &str, problem: &str) -> Error {
        let path = self.path_of(key);
        Error::unreadable(format!("{}: `{path}` {problem}", self.file))
    }

    /// An error about the mapping itself.
    pub(crate) fn wrong_here(&self, problem: &str) -> Error {
        if self.path.is_empty() {
            return Error::unreadable(format!("{}: it {problem}", self.file));
        }
        Error::unreadable(format!("{}: `{}` {problem}", self.file, self.path))
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            return key.to_owned();
        }
        format!("{}.{key}", self.path)
    }

    pub(crate) fn take(&mut self, key: &'static str) -> Option<&'a Yaml> {
        self.known.push(key);
        self.left.remove(key)
    }

    /// The value of a key that has to be there.
    pub(crate) fn needed<T>(&self, key: &str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| self.wrong(key, "is missing"))
    }

    pub(crate) fn text(&mut self, key: &'static str) -> Result<Option<&'a str>> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        match value.as_str() {
            Some(text) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(self.wrong(key, "is empty")),
            None => Err(self.wrong(key, &format!("is {}, not a text", named(value)))),
        }
    }

    /// One of `words`, by its place among them.
    pub(crate) fn word<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&str, T)],
    ) -> Result<Option<T>> {
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        let found = words.iter().find(|(word, _)| *word == text);
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        found.map(|(_, meant)| Some(*meant)).ok_or_else(|| {
            let problem = format!("is {text:?}; it can be {}", names.join(", "));
            self.wrong(key, &problem)
        })
    }

    pub(crate) fn number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        let fits = value.as_u64().filter(|number| range.contains(number));
        fits.map(Some).ok_or_else(|| {
            let (least, most) = (range.start(), range.end());
            self.wrong(
                key,
                &format!("is to be a whole number from {least} to {most}"),
            )
        })
    }

    /// A list of texts; where `alone` is set, one text stands for a list of one.
    pub(crate) fn texts(&mut self, key: &'static str, form: Form) -> Result<Option<Vec<String>>> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        if let (Form::ListOrText, Some(text)) = (form, value.as_str()) {
            return Ok(Some(vec![text.to_owned()]));
        }
        let texts: Option<Vec<String>> = value.as_sequence().and_then(|items| {
            let text = |item: &Yaml| item.as_str().map(str::to_owned);
            items.iter().map(text).collect()
        });
        match texts {
            Some(texts) if texts.first().is_some_and(|first| !first.is_empty()) => Ok(Some(texts)),
            Some(_) => Err(self.wrong(key, "is empty")),
            None => Err(self.wrong(
                key,
                "is to be a list of texts; put numbers and words like `yes` in quotes",
            )),
        }
    }

    /// A mapping below this one.
    pub(crate) fn keys(&mut self, key: &'static str) -> Result<Option<Keys<'a>>> {
        let value = self.take(key);
        let below = value.map(|value| self.below(key, value));
        below.transpose()
    }

    /// The mappings of a list below this one.
    pub(crate) fn list_of_keys(&mut self, key: &'static str) -> Result<Vec<Keys<'a>>> {
        let Some(value) = self.take(key) else {
            return Ok(Vec::new());
        };
        let Some(items) = value.as_sequence() else {
            return Err(self.wrong(key, &format!("is {}, not a list", named(value))));
        };
        let one = |(at, item): (usize, &'a Yaml)| {
            Keys::of(self.file, format!("{}[{at}]", self.path_of(key)), item)
        };
        items.iter().enumerate().map(one).collect()
    }

    /// All of a mapping whose keys are names of the user's, in the order of the file.
    pub(crate) fn entries(
        &mut self,
        key: &'static str,
    ) -> Result<Option<Vec<(&'a str, &'a Yaml)>>> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        // What is wrong about the keys themselves is said by the mapping as such.
        Keys::of(self.file, self.path_of(key), value)?;
        let entries = value.as_mapping().into_iter().flatten();
        let named = entries.filter_map(|(name, value)| Some((name.as_str()?, value)));
        Ok(Some(named.collect()))
    }

    /// That nothing is left over.
    pub(crate) fn finish(self) -> Result<()> {
        let Some(unknown) = self.left.keys().next() else {
            return Ok(());
        };
        let error = self.wrong(unknown, "is not a key that is known here");
        let nearest = did_you_mean(unknown, self.known.iter().copied());
        Err(error.hint(nearest.map_or_else(
            || format!("Known are: {}", self.known.join(", ")),
            |nearest| format!("Did you mean `{nearest}`?"),
        )))
    }
}

/// How a list may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    List,
    ListOrText,
}

/// What a value is, for messages.
pub(crate) fn named(value: &Yaml) -> &'static str {
    match value {
        Yaml::Null => "empty",
        Yaml::Bool(_) => "true or false",
        Yaml::Number(_) => "a number",
        Yaml::String(_) => "a text",
        Yaml::Sequence(_) => "a list",
        Yaml::Mapping(_) => "keys with values",
        Yaml::Tagged(_) => "a value with a tag",
    }
}
