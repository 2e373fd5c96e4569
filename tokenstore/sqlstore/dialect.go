package sqlstore

import (
	"errors"
	"fmt"
	"strings"
)

// Dialect is the kind of database.
type Dialect struct {
	name       string
	numbered   bool // placeholders are $1, $2 instead of ?
	quoteChar  string
	maxName    int
	create     string // with the table's quoted name to fill in
	addUpdated string
}

// The databases this package knows.
var (
	PostgreSQL = &Dialect{
		name: "PostgreSQL", numbered: true, quoteChar: `"`, maxName: 63, // longer names are cut without an error
		create: `CREATE TABLE IF NOT EXISTS %s (
			name bytea PRIMARY KEY, data bytea NOT NULL, version text NOT NULL,
			updated_at timestamptz NOT NULL DEFAULT now())`,
		addUpdated: `ALTER TABLE %s ADD COLUMN IF NOT EXISTS updated_at timestamptz NOT NULL DEFAULT now()`,
	}
	SQLite = &Dialect{
		name: "SQLite", quoteChar: `"`, maxName: 255,
		create: `CREATE TABLE IF NOT EXISTS %s (
			name BLOB PRIMARY KEY NOT NULL, data BLOB NOT NULL, version TEXT NOT NULL,
			updated_at TIMESTAMP NOT NULL DEFAULT '1970-01-01 00:00:00')`,
		addUpdated: `ALTER TABLE %s ADD COLUMN updated_at TIMESTAMP NOT NULL DEFAULT '1970-01-01 00:00:00'`,
	}
	MySQL = &Dialect{ // and MariaDB
		name: "MySQL", quoteChar: "`", maxName: 64,
		create: `CREATE TABLE IF NOT EXISTS %s (
			name VARBINARY(512) NOT NULL PRIMARY KEY, data MEDIUMBLOB NOT NULL,
			version VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
			updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)) ENGINE=InnoDB`,
		addUpdated: `ALTER TABLE %s ADD COLUMN updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)`,
	}
)

// String returns the database's name.
func (d *Dialect) String() string { return d.name }

// quote makes any name an identifier, or refuses it: what a database would cut or change names another table.
func (d *Dialect) quote(name string) (string, error) {
	switch {
	case name == "" || strings.Contains(name, "\x00") || strings.ToValidUTF8(name, "") != name:
		return "", fmt.Errorf("sqlstore: table or schema name %q cannot be used", name)
	case len(name) > d.maxName:
		return "", fmt.Errorf("sqlstore: table or schema name %q is longer than the %d bytes %s allows", name, d.maxName, d.name)
	case d == MySQL && strings.HasSuffix(name, " "):
		return "", errors.New("sqlstore: a MySQL name cannot end in a blank")
	}
	return d.quoteChar + strings.ReplaceAll(name, d.quoteChar, d.quoteChar+d.quoteChar) + d.quoteChar, nil
}

// busy recognises SQLITE_BUSY by its text, the one thing all drivers have in common.
func (d *Dialect) busy(err error) bool {
	return d == SQLite && (strings.Contains(err.Error(), "database is locked") || strings.Contains(err.Error(), "SQLITE_BUSY") ||
		strings.Contains(err.Error(), "database table is locked"))
}
