package sqldialect

import (
	"context"
	"database/sql"
	"strings"
)

// DB is the part of *sql.DB, *sql.Tx and *sql.Conn that statements need.
type DB interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Table is a table whose name the program's user chose.
type Table struct {
	d            *Dialect
	schema, name string // quoted; schema with its dot, or empty
	plain        string
}

// Table names a table. schema, if not empty, is a PostgreSQL schema, a MySQL database or an attached SQLite database; else the
// connection's is meant. Errors: names that cannot be quoted.
func (d *Dialect) Table(schema, name string) (Table, error) {
	t := Table{d: d, plain: name}
	var err error
	if t.name, err = d.Quote(name); err != nil {
		return t, err
	}
	if schema != "" {
		if t.schema, err = d.Quote(schema); err != nil {
			return t, err
		}
		t.schema += "."
	}
	return t, nil
}

// Dialect returns the dialect the table's name is quoted for.
func (t Table) Dialect() *Dialect { return t.d }

// String returns the quoted name, with its schema, for use in a statement.
func (t Table) String() string { return t.schema + t.name }

// Create creates the table unless there is one, which is left as it is. Several instances may do it at the same time.
//
// columns are column definitions, each name bare and followed by one of these types and, where wanted, NOT NULL or PRIMARY KEY:
// {key} up to 512 bytes, compared exactly, which is to be written and read as []byte; {word} up to 64 ASCII characters, compared exactly;
// {int} 64 bits; {text} any length of UTF-8; {bytes} any length. index, if not empty, are the columns of a secondary index.
func (t Table) Create(ctx context.Context, db DB, columns, index string) error {
	d := t.d
	statements := []string{"CREATE TABLE IF NOT EXISTS " + t.String() + " (" + d.columns.Replace(columns) + ")" + d.options}
	if index != "" {
		name, err := d.Quote(cut(t.plain, d.maxName-4) + "_idx")
		if err != nil {
			return err
		}
		switch {
		case d.inline:
			statements[0] = strings.TrimSuffix(statements[0], ")"+d.options) + ", INDEX " + name + " (" + index + "))" + d.options
		case d == SQLite: // where the schema goes with the index's name
			statements = append(statements, "CREATE INDEX IF NOT EXISTS "+t.schema+name+" ON "+t.name+" ("+index+")")
		default:
			statements = append(statements, "CREATE INDEX IF NOT EXISTS "+name+" ON "+t.String()+" ("+index+")")
		}
	}
	for _, s := range statements {
		// PostgreSQL's IF NOT EXISTS looks first and then collides with another instance's: the second look finds what that made.
		_, err := db.ExecContext(ctx, s)
		if err != nil && (d.Duplicate(err) || d.Retryable(err)) {
			_, err = db.ExecContext(ctx, s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// cut shortens a name to at most n bytes, at the end of a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

// Insert returns the statement that adds a row with an argument for each of the columns, the first of which is the primary key, and does
// nothing when there is one with that key. Unlike a failed INSERT that does not end a PostgreSQL transaction.
func (t Table) Insert(columns ...string) string {
	q := "INSERT INTO " + t.String() + " (" + strings.Join(columns, ", ") + ") VALUES (" + strings.Repeat("?, ", len(columns)-1) + "?)"
	if t.d == MySQL {
		return q + " ON DUPLICATE KEY UPDATE " + columns[0] + " = " + columns[0]
	}
	return t.d.Bind(q + " ON CONFLICT (" + columns[0] + ") DO NOTHING")
}
