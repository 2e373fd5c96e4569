// Package sqldialect is what PostgreSQL, SQLite, MySQL and MariaDB do differently, as far as the tables of this module need it. It brings
// no driver and keeps no SQL of its own: statements are written once, in the common part of the three, with ? for their arguments.
package sqldialect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Dialect is a kind of database.
type Dialect struct {
	name     string
	numbered bool // placeholders are $1, $2 instead of ?
	quote    string
	maxName  int // bytes; some databases cut longer names without an error
	now      string
	columns  *strings.Replacer
	options  string // behind a table's columns
	inline   bool   // indexes are part of CREATE TABLE: there is no CREATE INDEX IF NOT EXISTS
}

// The databases this module knows.
var (
	PostgreSQL = &Dialect{
		name: "PostgreSQL", numbered: true, quote: `"`, maxName: 63,
		now:     "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS bigint)",
		columns: strings.NewReplacer("{key}", "bytea", "{word}", "varchar(64)", "{int}", "bigint", "{text}", "text", "{bytes}", "bytea"),
	}
	SQLite = &Dialect{
		name: "SQLite", quote: `"`, maxName: 255,
		now:     "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
		columns: strings.NewReplacer("{key}", "BLOB", "{word}", "TEXT", "{int}", "INTEGER", "{text}", "TEXT", "{bytes}", "BLOB"),
	}
	MySQL = &Dialect{ // and MariaDB
		name: "MySQL", quote: "`", maxName: 64, options: " ENGINE=InnoDB", inline: true,
		now: "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)",
		columns: strings.NewReplacer("{key}", "VARBINARY(512)", "{word}", "VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin",
			"{int}", "BIGINT", "{text}", "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "{bytes}", "LONGBLOB"),
	}
)

// String returns the database's name.
func (d *Dialect) String() string { return d.name }

// drivers are the packages of known drivers, which need not be asked what they speak to.
var drivers = map[string]*Dialect{
	"github.com/jackc/pgx/v5/stdlib":       PostgreSQL,
	"github.com/lib/pq":                    PostgreSQL,
	"modernc.org/sqlite":                   SQLite,
	"github.com/mattn/go-sqlite3":          SQLite,
	"github.com/ncruces/go-sqlite3/driver": SQLite,
	"github.com/go-sql-driver/mysql":       MySQL,
}

// Of returns the dialect of a database: by its driver, or, when that is unknown or wrapped, by asking for its version. Errors: the
// database cannot be reached, or is none of those known.
func Of(ctx context.Context, db *sql.DB) (*Dialect, error) {
	if t := reflect.TypeOf(db.Driver()); t != nil {
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if d := drivers[t.PkgPath()]; d != nil {
			return d, nil
		}
	}
	var version string
	err := db.QueryRowContext(ctx, "SELECT version()").Scan(&version)
	if err == nil {
		// "PostgreSQL 15.9 ...", "CockroachDB CCL ...", "8.4.3", "10.11.14-MariaDB-..."
		switch {
		case strings.HasPrefix(version, "PostgreSQL"), strings.HasPrefix(version, "CockroachDB"):
			return PostgreSQL, nil
		case version != "" && version[0] >= '0' && version[0] <= '9':
			return MySQL, nil
		}
		return nil, fmt.Errorf("%q is none of PostgreSQL, SQLite, MySQL, MariaDB", version)
	}
	if serr := db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version); serr == nil {
		return SQLite, nil
	}
	return nil, fmt.Errorf("asking the database what it is: %w", err)
}

// Bind writes the arguments' places the database's way. The query holds no other question marks.
func (d *Dialect) Bind(query string) string {
	if !d.numbered {
		return query
	}
	var b strings.Builder
	for n := 1; ; n++ {
		before, after, found := strings.Cut(query, "?")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString("$" + strconv.Itoa(n))
		query = after
	}
}

// Now is an expression for the database's time in milliseconds since 1970: leases must not depend on the clocks of several machines.
func (d *Dialect) Now() string { return d.now }

// Quote makes any name an identifier, or refuses it: what a database would cut or change names another table.
func (d *Dialect) Quote(name string) (string, error) {
	switch {
	case name == "" || strings.Contains(name, "\x00") || strings.ToValidUTF8(name, "") != name:
		return "", fmt.Errorf("the name %q cannot be used for a table or schema", name)
	case len(name) > d.maxName:
		return "", fmt.Errorf("the name %q is longer than the %d bytes %s allows", name, d.maxName, d.name)
	case d == MySQL && strings.HasSuffix(name, " "):
		return "", errors.New("a MySQL name cannot end in a blank")
	}
	return d.quote + strings.ReplaceAll(name, d.quote, d.quote+d.quote) + d.quote, nil
}
