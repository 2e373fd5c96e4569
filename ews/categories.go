package ews

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Category is a category that the mailbox offers, with a colour. Message.Categories hold the names; they may also be of none of these.
type Category struct {
	Name     string        // not compared by case; a comma cannot be part of it
	Color    CategoryColor // as Outlook shows it
	Shortcut int           // 0: none; 1 to 11: Ctrl+F2 to Ctrl+F12
	ID       string        // GUID in braces; "": made by SetMasterCategories
}

// Where the list of categories is kept. [MS-OXOCFG] 2.2.5.
const (
	categoryConfig    = "CategoryList"
	categoryNamespace = "CategoryList.xsd"
)

// MasterCategories reads the list of categories that Outlook offers in this mailbox; none where nobody has opened the list yet.
// Errors: ErrDenied, ErrBadItem for a list that is no XML. EWS: GetUserConfiguration of "CategoryList" in the calendar.
func (m *Mailbox) MasterCategories(ctx context.Context) ([]Category, error) {
	list, err := m.categories(ctx)
	if err != nil {
		return nil, err
	}
	var out []Category
	for _, c := range list {
		out = append(out, c.category())
	}
	return out, nil
}

// SetMasterCategories replaces the list. What Outlook notes with each category (when it was last used) stays with those that have
// the ID or name of an earlier one. The last writer wins: Outlook may write its own back. Errors: ErrDenied.
// EWS: GetUserConfiguration, then UpdateUserConfiguration or CreateUserConfiguration.
func (m *Mailbox) SetMasterCategories(ctx context.Context, list []Category) error {
	for i, c := range list {
		switch {
		case c.Name == "" || strings.ContainsAny(c.Name, ",;"):
			return fmt.Errorf("ews: SetMasterCategories: list[%d].Name: %.40q: must not be empty, or hold a comma or semicolon", i, c.Name)
		case !xmlText(c.Name):
			return fmt.Errorf("ews: SetMasterCategories: list[%d].Name: %s", i, badText(c.Name))
		case c.Color < ColorNone || c.Color > ColorDarkMaroon:
			return fmt.Errorf("ews: SetMasterCategories: list[%d].Color: there is no %d", i, c.Color)
		}
	}
	before, err := m.categories(ctx)
	if err != nil {
		return err
	}
	config := &UserConfiguration{Name: categoryConfig, XML: writeCategories(before, list)}
	err = m.UpdateUserConfiguration(ctx, Calendar, config)
	if errors.Is(err, ErrNotFound) {
		err = m.CreateUserConfiguration(ctx, Calendar, config)
	}
	return err
}

// categories reads the stored list; no list is an empty one.
func (m *Mailbox) categories(ctx context.Context) ([]storedCategory, error) {
	c, err := m.UserConfiguration(ctx, Calendar, categoryConfig)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil || len(c.XML) == 0 {
		return nil, err
	}
	list, err := readCategories(c.XML)
	if err != nil {
		return nil, &Error{Op: "GetUserConfiguration", Mailbox: m.Address(), kind: ErrBadItem, what: "the list of categories is broken",
			hint: "let Outlook write it anew: open its category dialog", cause: err}
	}
	return list, nil
}

// storedCategory is a category element's attributes, name and value in turn: those that this package does not know are kept.
type storedCategory []string

// categoryAttributes are those of [MS-OXOCFG] 2.2.5.2.1, in its order; Outlook refuses none of them missing.
var categoryAttributes = []string{"name", "color", "keyboardShortcut", "usageCount", "lastTimeUsedNotes", "lastTimeUsedJournal",
	"lastTimeUsedContacts", "lastTimeUsedTasks", "lastTimeUsedCalendar", "lastTimeUsedMail", "lastTimeUsed", "lastSessionUsed", "guid", "renameOnFirstUse"}

func (c storedCategory) get(name string) string {
	for i := 0; i+1 < len(c); i += 2 {
		if c[i] == name {
			return c[i+1]
		}
	}
	return ""
}

func (c storedCategory) category() Category {
	out := Category{Name: c.get("name"), Color: ColorNone, ID: c.get("guid")}
	if n, err := strconv.Atoi(c.get("color")); err == nil && n >= 0 {
		out.Color = CategoryColor(n)
	}
	out.Shortcut, _ = strconv.Atoi(c.get("keyboardShortcut"))
	return out
}

// readCategories reads the stored list. It was written by whoever may write to the mailbox, so that it is read like an answer.
func readCategories(xml []byte) (list []storedCategory, err error) {
	s := wire.NewScanner(bytes.NewReader(xml), nil)
	defer s.Release()
	if !s.Root() {
		return nil, firstErr(s.Err(), errors.New("it is no XML"))
	}
	for d := s.Depth(); s.Child(d); {
		if s.Local() != "category" {
			continue
		}
		var c storedCategory
		for _, name := range categoryAttributes {
			if v, ok := s.Attr(name); ok {
				c = append(c, name, v)
			}
		}
		grow(s, &list, c)
	}
	return list, s.Err()
}

func firstErr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

func writeCategories(before []storedCategory, list []Category) []byte {
	var w wire.Writer
	w.Raw(`<?xml version="1.0"?>`)
	w.Start("categories", "xmlns", categoryNamespace)
	for _, c := range list {
		old := slices.IndexFunc(before, func(b storedCategory) bool {
			return c.ID != "" && strings.EqualFold(b.get("guid"), c.ID) || c.ID == "" && strings.EqualFold(b.get("name"), c.Name)
		})
		var attrs storedCategory
		if old >= 0 {
			attrs = before[old]
		}
		id := c.ID
		if id == "" {
			id = attrs.get("guid")
		}
		if id == "" {
			id = newGUID()
		}
		out := storedCategory{"name", c.Name, "color", itoa(int(c.Color)), "keyboardShortcut", itoa(c.Shortcut)}
		for _, name := range categoryAttributes[3:] {
			value := attrs.get(name)
			switch {
			case name == "guid":
				value = id
			case value != "":
			case strings.HasPrefix(name, "lastTime"):
				value = "1601-01-01T00:00:00.000" // never
			case name == "renameOnFirstUse", name == "usageCount", name == "lastSessionUsed":
				value = "0"
			}
			out = append(out, name, value)
		}
		w.Empty("category", out...)
	}
	w.End()
	return w.Bytes()
}

// newGUID returns a random GUID in braces, as Outlook writes them.
func newGUID() string {
	h := strings.ToUpper(newMarker())
	return "{" + h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-A" + h[17:20] + "-" + h[20:] + "}"
}
