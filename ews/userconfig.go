package ews

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// UserConfiguration is a set of settings that a program keeps in a folder, in any of three forms, invisible among its items. Outlook
// keeps its own there: "CategoryList" and "WorkHours" in the calendar.
type UserConfiguration struct {
	Name       string
	ID         ItemID // of the hidden item that holds it; only read
	Dictionary []ConfigEntry
	XML        []byte // nil: none
	Binary     []byte // nil: none
}

// ConfigEntry is an entry of a UserConfiguration's dictionary.
type ConfigEntry struct{ Key, Value ConfigValue }

// ConfigValue is a key or value of a dictionary. A value of no Type is null.
type ConfigValue struct {
	Type string // "String", "Boolean", "DateTime", "Byte", "Integer32", "UnsignedInteger32", "Integer64", "UnsignedInteger64", "StringArray" or "ByteArray"

	// Values is the text: one of them, several of a StringArray. A ByteArray is base64.
	Values []string
}

// configTypes EWS: UserConfigurationDictionaryObjectTypesType.
var configTypes = []string{"DateTime", "Boolean", "Byte", "String", "Integer32", "UnsignedInteger32", "Integer64", "UnsignedInteger64", "StringArray", "ByteArray"}

// ConfigString returns a ConfigValue of a string.
func ConfigString(s string) ConfigValue { return ConfigValue{"String", []string{s}} }

// Lookup returns the value with that key, a string, of the dictionary.
func (c *UserConfiguration) Lookup(key string) (ConfigValue, bool) {
	for _, e := range c.Dictionary {
		if e.Key.Type == "String" && len(e.Key.Values) == 1 && e.Key.Values[0] == key {
			return e.Value, true
		}
	}
	return ConfigValue{}, false
}

// UserConfiguration reads a configuration by its name; it is held in memory, up to Limits.ResponseBytes. Errors: ErrNotFound, ErrDenied.
// EWS: GetUserConfiguration operation.
func (m *Mailbox) UserConfiguration(ctx context.Context, f FolderRef, name string) (*UserConfiguration, error) {
	if err := usableConfig(f, name); err != nil {
		return nil, err
	}
	var c *UserConfiguration
	err := m.do(ctx, &call{
		op: "GetUserConfiguration",
		body: func(w *wire.Writer) error {
			w.Start("m:GetUserConfiguration")
			writeConfigName(w, m, "m:UserConfigurationName", f, name)
			w.Leaf("m:UserConfigurationProperties", "All")
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			c = nil
			return readResponses(s, func(_ int, s *wire.Scanner) error {
				if s.Local() == "UserConfiguration" {
					c = readConfig(s)
				}
				return s.Err()
			})
		},
	})
	if err == nil && c == nil {
		err = &Error{Op: "GetUserConfiguration", Mailbox: m.Address(), kind: ErrBadResponse, what: "the answer holds no configuration"}
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// CreateUserConfiguration makes a configuration. A lost answer is not asked for again: MaybeApplied tells. Errors: ErrExists for a name that
// is taken, ErrNotFound for the folder, ErrDenied. EWS: CreateUserConfiguration operation, and GetUserConfiguration where Exchange
// could not save it: it does not say whether the name is why.
func (m *Mailbox) CreateUserConfiguration(ctx context.Context, f FolderRef, c *UserConfiguration) error {
	err := m.writeConfig(ctx, "CreateUserConfiguration", f, c)
	if e := (*Error)(nil); errors.As(err, &e) && e.Code == "ErrorItemSave" {
		if _, look := m.UserConfiguration(ctx, f, c.Name); look == nil {
			e.kind, e.what = ErrExists, "there is a configuration of that name already"
		}
	}
	return err
}

// UpdateUserConfiguration replaces the forms of a configuration that c has: a nil Dictionary, XML or Binary leaves what is there. There is no
// version to compare: the last writer wins. Errors: ErrNotFound, ErrDenied. EWS: UpdateUserConfiguration operation.
func (m *Mailbox) UpdateUserConfiguration(ctx context.Context, f FolderRef, c *UserConfiguration) error {
	return m.writeConfig(ctx, "UpdateUserConfiguration", f, c)
}

// DeleteUserConfiguration deletes a configuration. Errors: ErrNotFound, ErrDenied. EWS: DeleteUserConfiguration operation.
func (m *Mailbox) DeleteUserConfiguration(ctx context.Context, f FolderRef, name string) error {
	if err := usableConfig(f, name); err != nil {
		return err
	}
	return m.do(ctx, &call{
		op:   "DeleteUserConfiguration",
		once: true, // a second one is told that there is none
		body: func(w *wire.Writer) error {
			w.Start("m:DeleteUserConfiguration")
			writeConfigName(w, m, "m:UserConfigurationName", f, name)
			w.End()
			return nil
		},
	})
}

func (m *Mailbox) writeConfig(ctx context.Context, op string, f FolderRef, c *UserConfiguration) error {
	if c == nil {
		return errors.New("ews: " + op + ": the configuration is nil")
	}
	if err := usableConfig(f, c.Name); err != nil {
		return err
	}
	for i, e := range c.Dictionary {
		if e.Key.Type == "" {
			return fmt.Errorf("ews: UserConfiguration.Dictionary[%d].Key: has no Type: make it with ConfigString", i)
		}
		for _, v := range []ConfigValue{e.Key, e.Value} {
			if v.Type != "" && !slices.Contains(configTypes, v.Type) {
				return fmt.Errorf("ews: UserConfiguration.Dictionary[%d]: %.40q is no type of a value", i, v.Type)
			}
			if v.Type != "" && len(v.Values) != 1 && (v.Type != "StringArray" || len(v.Values) == 0) {
				return fmt.Errorf("ews: UserConfiguration.Dictionary[%d]: a %s of %d Values: one is right", i, v.Type, len(v.Values))
			}
		}
		if wrong := append(badList("Key", e.Key.Values), badList("Value", e.Value.Values)...); len(wrong) > 0 {
			return fmt.Errorf("ews: UserConfiguration.Dictionary[%d]: %s", i, strings.Join(wrong, "; "))
		}
	}
	return m.do(ctx, &call{
		op:   op,
		once: op == "CreateUserConfiguration",
		body: func(w *wire.Writer) error {
			w.Start("m:" + op)
			w.Start("m:UserConfiguration")
			c.write(w, m, f)
			w.End()
			w.End()
			return nil
		},
	})
}

func usableConfig(f FolderRef, name string) error {
	if name == "" {
		return errors.New("ews: UserConfiguration.Name: is empty")
	}
	if !xmlText(name) {
		return errors.New("ews: UserConfiguration.Name: " + badText(name))
	}
	return usable(f)
}

func writeConfigName(w *wire.Writer, m *Mailbox, element string, f FolderRef, name string) {
	w.Start(element, "Name", name)
	f.writeTo(w, m)
	w.End()
}

func (c *UserConfiguration) write(w *wire.Writer, m *Mailbox, f FolderRef) {
	writeConfigName(w, m, "t:UserConfigurationName", f, c.Name)
	if c.Dictionary != nil {
		w.Start("t:Dictionary")
		for _, e := range c.Dictionary {
			w.Start("t:DictionaryEntry")
			e.Key.write(w, "t:DictionaryKey")
			e.Value.write(w, "t:DictionaryValue")
			w.End()
		}
		w.End()
	}
	for _, part := range []struct {
		element string
		data    []byte
	}{{"t:XmlData", c.XML}, {"t:BinaryData", c.Binary}} {
		if part.data != nil {
			w.Start(part.element)
			w.Base64(int64(len(part.data)), Bytes(part.data).Open)
			w.End()
		}
	}
}

func (v ConfigValue) write(w *wire.Writer, element string) {
	if v.Type == "" {
		w.Empty(element, "xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance", "xsi:nil", "true")
		return
	}
	w.Start(element)
	w.Leaf("t:Type", v.Type)
	for _, text := range v.Values {
		w.Leaf("t:Value", text)
	}
	w.End()
}

func readConfig(s *wire.Scanner) *UserConfiguration {
	c := new(UserConfiguration)
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "UserConfigurationName":
			c.Name, _ = s.Attr("Name")
		case "ItemId":
			c.ID = itemID(s)
		case "Dictionary":
			for d := s.Depth(); s.Child(d); {
				var e ConfigEntry
				for d := s.Depth(); s.Child(d); {
					switch s.Local() {
					case "DictionaryKey":
						e.Key = readConfigValue(s)
					case "DictionaryValue":
						e.Value = readConfigValue(s)
					}
				}
				grow(s, &c.Dictionary, e)
			}
		case "XmlData":
			c.XML = readBase64(s)
		case "BinaryData":
			c.Binary = readBase64(s)
		}
	}
	return c
}

func readConfigValue(s *wire.Scanner) (v ConfigValue) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "Type":
			v.Type = s.Text()
		case "Value":
			grow(s, &v.Values, s.Text())
		}
	}
	return v
}

// readBase64 decodes the current element's text into memory.
func readBase64(s *wire.Scanner) []byte {
	data, err := io.ReadAll(s.Base64Reader())
	if err != nil {
		s.Fail(err)
		return nil
	}
	return data
}
