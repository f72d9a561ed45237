//! The whole state file as JSON, for people and for support.

use rusqlite::{Connection, types::ValueRef};
use serde_json::{Map, Number, Value, json};

use super::{SCHEMA_VERSION, StateError, StateFile};

const CONTEXT: &str = "exporting";

impl StateFile {
    /// Returns every table with every row as it is stored, read at one moment: `{"schema_version", "tables"}`.
    ///
    /// No secret is among it, as none is in the file.
    pub fn export(&self) -> Result<Value, StateError> {
        let connection = self.connection();
        let reading = connection.unchecked_transaction().map_err(StateError::database(CONTEXT))?;
        let mut tables = Map::new();
        for name in table_names(&reading)? {
            let rows = rows(&reading, &name)?;
            tables.insert(name, rows);
        }
        Ok(json!({ "schema_version": SCHEMA_VERSION, "tables": tables }))
    }
}

fn table_names(connection: &Connection) -> Result<Vec<String>, StateError> {
    let read = || {
        let mut statement = connection.prepare(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
        )?;
        statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()
    };
    read().map_err(StateError::database(CONTEXT))
}

fn rows(connection: &Connection, table: &str) -> Result<Value, StateError> {
    let read = || -> rusqlite::Result<Value> {
        let mut statement = connection.prepare(&format!("SELECT * FROM \"{table}\" ORDER BY rowid"))?;
        let columns: Vec<String> = statement.column_names().map(ToOwned::to_owned).collect();
        let mut rows = statement.query([])?;
        let mut exported = Vec::new();
        while let Some(row) = rows.next()? {
            let mut fields = Map::new();
            for (position, column) in columns.iter().enumerate() {
                fields.insert(column.clone(), plain(row.get_ref(position)?));
            }
            exported.push(Value::Object(fields));
        }
        Ok(Value::Array(exported))
    };
    read().map_err(StateError::database(CONTEXT))
}

/// Tables are strict: integers, texts and nulls are all there is.
fn plain(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::from(number),
        ValueRef::Real(number) => Number::from_f64(number).map_or(Value::Null, Value::Number),
        ValueRef::Text(bytes) => Value::from(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Blob(bytes) => Value::from(format!("0x{}", hex::encode(bytes))),
    }
}
