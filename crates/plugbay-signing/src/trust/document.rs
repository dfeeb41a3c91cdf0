//! TOML that keeps its comments: an array of tables, read entry by entry and edited in place.

use std::path::{Path, PathBuf};

use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use super::TrustError;

/// A document with one array of tables that is ours; whatever else is in it stays as it is.
#[derive(Debug, Clone)]
pub(super) struct Document {
    toml: DocumentMut,
    table: &'static str,
    path: PathBuf,
}

impl Document {
    pub(super) fn parse(text: &str, table: &'static str, path: &Path) -> Result<Self, TrustError> {
        let error = |message: String| TrustError::Toml { path: path.to_owned(), message };
        let toml: DocumentMut = text
            .parse()
            .map_err(|e: toml_edit::TomlError| error(e.to_string().trim_end().to_owned()))?;
        match toml.get(table) {
            None | Some(Item::ArrayOfTables(_)) => {}
            Some(other) => {
                let found = other.type_name();
                return Err(error(format!("`{table}`: found {found}, wanted [[{table}]]")));
            }
        }
        Ok(Self { toml, table, path: path.to_owned() })
    }

    /// Reads every entry; the first that is not whole fails all of it.
    pub(super) fn entries<T>(
        &self,
        read: impl Fn(&Entry<'_>) -> Result<T, String>,
    ) -> Result<Vec<T>, TrustError> {
        let tables = self.toml.get(self.table).and_then(Item::as_array_of_tables);
        let entries = tables.into_iter().flatten().enumerate();
        entries
            .map(|(index, table)| {
                read(&Entry(table)).map_err(|problem| TrustError::Entry {
                    path: self.path.clone(),
                    table: self.table,
                    number: index + 1,
                    problem,
                })
            })
            .collect()
    }

    fn tables(&mut self) -> Option<&mut ArrayOfTables> {
        let table = self.toml.entry(self.table);
        table.or_insert(Item::ArrayOfTables(ArrayOfTables::new())).as_array_of_tables_mut()
    }

    pub(super) fn push(&mut self, fields: &[(&str, Option<String>)]) {
        let mut entry = Table::new();
        set(&mut entry, fields);
        if let Some(tables) = self.tables() {
            tables.push(entry);
        }
    }

    pub(super) fn set(&mut self, index: usize, fields: &[(&str, Option<String>)]) {
        if let Some(entry) = self.tables().and_then(|tables| tables.get_mut(index)) {
            set(entry, fields);
        }
    }

    pub(super) fn remove(&mut self, index: usize) {
        if let Some(tables) = self.tables()
            && index < tables.len()
        {
            tables.remove(index);
        }
    }

    pub(super) fn to_toml(&self) -> String {
        self.toml.to_string()
    }
}

fn set(entry: &mut Table, fields: &[(&str, Option<String>)]) {
    for (name, text) in fields {
        if let Some(text) = text {
            // In place, so that a comment behind the old value stays.
            match entry.get_mut(name).and_then(Item::as_value_mut) {
                Some(old) => {
                    let decor = old.decor().clone();
                    *old = text.as_str().into();
                    *old.decor_mut() = decor;
                }
                None => {
                    entry.insert(name, value(text.as_str()));
                }
            }
        }
    }
}

/// One entry.
pub(super) struct Entry<'a>(&'a Table);

impl Entry<'_> {
    /// A text; a date that is written without quotes is one too.
    pub(super) fn optional(&self, name: &str) -> Result<Option<String>, String> {
        match self.0.get(name) {
            None => Ok(None),
            Some(item) => item
                .as_str()
                .map(str::to_owned)
                .or_else(|| item.as_datetime().map(ToString::to_string))
                .map(Some)
                .ok_or_else(|| format!("`{name}`: found {}, wanted a text", item.type_name())),
        }
    }

    pub(super) fn text(&self, name: &str) -> Result<String, String> {
        self.optional(name)?.ok_or_else(|| format!("`{name}` is missing"))
    }

    /// A text that stands for something.
    pub(super) fn parsed<T: std::str::FromStr>(&self, name: &str) -> Result<T, String>
    where
        T::Err: std::fmt::Display,
    {
        self.text(name)?.parse().map_err(|error| format!("`{name}`: {error}"))
    }

    pub(super) fn parsed_optional<T: std::str::FromStr>(
        &self,
        name: &str,
    ) -> Result<Option<T>, String>
    where
        T::Err: std::fmt::Display,
    {
        let text = self.optional(name)?;
        text.map(|text| text.parse().map_err(|error| format!("`{name}`: {error}"))).transpose()
    }
}
