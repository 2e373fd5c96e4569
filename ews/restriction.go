package ews

import (
	"fmt"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Restriction is a condition that messages must meet: one of And, Or, Not, Compare, Contains, Excludes and Exists. The fields' own
// methods make the usual ones:
//
//	ews.And{
//		ews.FieldSubject.Contains("[Ticket#"),
//		ews.FieldReceived.AtOrAfter(monday),
//		ews.Or{ews.FieldImportance.Is(ews.HighImportance), ews.FieldFrom.Contains("boss@example.com")},
//		ews.Not{ews.FieldHasAttachments.Is(true)},
//	}
//
// It is checked before anything is sent: what is wrong with it is ErrInvalidRequest. Exchange takes 255 nodes at most.
// EWS: Restriction.
type Restriction interface {
	check(c *restrictionCheck)
	writeExpression(w *wire.Writer)
}

// And is met when all of its parts are; one without parts restricts nothing, so that a list may be gathered as it comes.
type And []Restriction

// Or is met when at least one of its parts is.
type Or []Restriction

// Not is met when its part is not. A message without the field meets a Not of a comparison with it.
type Not struct{ Restriction Restriction }

// Exists is met by messages that have the field at all.
type Exists struct{ Field Field }

// Excludes is met when none of the mask's bits is set in the field, which is a number.
type Excludes struct {
	Field Field
	Mask  uint32
}

// Contains looks for a text in a field. With categories and other lists one of the texts must match.
type Contains struct {
	Field      Field
	Text       string
	Mode       ContainmentMode
	Comparison ContainmentComparison
}

// Compare compares a field with a constant of its Go type, or with another Field of the same type. A message without the field
// meets IsNotEqualTo only.
type Compare struct {
	Field Field
	Op    Operator
	Value any // string, time.Time, int, int64, bool, Importance, []byte, as the field's type says; or a Field
}

// Operator is a comparison. Texts compare without regard to case.
type Operator string

// Operators of Compare.
const (
	IsEqualTo              Operator = "IsEqualTo"
	IsNotEqualTo           Operator = "IsNotEqualTo"
	IsGreaterThan          Operator = "IsGreaterThan"
	IsGreaterThanOrEqualTo Operator = "IsGreaterThanOrEqualTo"
	IsLessThan             Operator = "IsLessThan"
	IsLessThanOrEqualTo    Operator = "IsLessThanOrEqualTo"
)

// ContainmentMode says where a text must stand. The zero value is Substring.
type ContainmentMode string

// Modes of Contains.
const (
	Substring     ContainmentMode = "Substring"
	Prefixed      ContainmentMode = "Prefixed"
	FullString    ContainmentMode = "FullString"
	PrefixOnWords ContainmentMode = "PrefixOnWords" // a word begins with it
	ExactPhrase   ContainmentMode = "ExactPhrase"   // whole words
)

// ContainmentComparison says what of two texts may differ. The zero value is IgnoreCase.
type ContainmentComparison string

// Comparisons of Contains. Non-spacing characters are accents and the like; Loose also ignores the differences between forms of the same
// character, such as half and full width.
const (
	IgnoreCase                          ContainmentComparison = "IgnoreCase"
	Exact                               ContainmentComparison = "Exact"
	IgnoreNonSpacingCharacters          ContainmentComparison = "IgnoreNonSpacingCharacters"
	Loose                               ContainmentComparison = "Loose"
	IgnoreCaseAndNonSpacingCharacters   ContainmentComparison = "IgnoreCaseAndNonSpacingCharacters"
	LooseAndIgnoreCase                  ContainmentComparison = "LooseAndIgnoreCase"
	LooseAndIgnoreNonSpace              ContainmentComparison = "LooseAndIgnoreNonSpace"
	LooseAndIgnoreCaseAndIgnoreNonSpace ContainmentComparison = "LooseAndIgnoreCaseAndIgnoreNonSpace"
)

// maxRestrictionNodes is what Exchange takes (ErrorRestrictionTooLong). A listing adds two of its own, joined by an And.
const maxRestrictionNodes = 255 - 5

// restrictionCheck gathers what is wrong with a restriction.
type restrictionCheck struct {
	nodes int
	wrong string // the first thing
}

// badRestriction says what is wrong with a restriction; "": nothing.
func badRestriction(r Restriction) string {
	var c restrictionCheck
	c.part(r, "the restriction")
	return c.wrong
}

func (c *restrictionCheck) fail(format string, args ...any) {
	if c.wrong == "" {
		c.wrong = fmt.Sprintf(format, args...)
	}
}

func (c *restrictionCheck) part(r Restriction, of string) {
	if c.nodes++; c.nodes > maxRestrictionNodes { // this also ends one that contains itself
		c.fail("the restriction has more than %d parts, which is all that Exchange takes", maxRestrictionNodes)
		return
	}
	if r == nil {
		c.fail("%s holds nil", of)
		return
	}
	r.check(c)
}

func (c *restrictionCheck) field(f Field) bool {
	if f == nil {
		c.fail("a condition has no Field")
		return false
	}
	if bad := f.bad(); bad != "" {
		c.fail("%s", bad)
		return false
	}
	return true
}

func (c *restrictionCheck) text(f Field, text string) {
	if !xmlText(text) {
		c.fail("%v: the text holds a character that XML cannot carry", f)
	}
}

func (r And) check(c *restrictionCheck) {
	for _, part := range r {
		if c.wrong == "" {
			c.part(part, "an And")
		}
	}
}

func (r Or) check(c *restrictionCheck) {
	if len(r) == 0 {
		c.fail("an Or without parts is never met")
	}
	for _, part := range r {
		if c.wrong != "" {
			return
		}
		if c.part(part, "an Or"); c.wrong == "" && restrictsNothing(part) {
			c.fail("an Or holds an And without parts, which is always met")
		}
	}
}

func (r Not) check(c *restrictionCheck) {
	if c.part(r.Restriction, "a Not"); c.wrong == "" && restrictsNothing(r.Restriction) {
		c.fail("a Not holds an And without parts, and is never met")
	}
}

func (r Exists) check(c *restrictionCheck) { c.field(r.Field) }

func (r Excludes) check(c *restrictionCheck) {
	if c.field(r.Field) && r.Field.kind() != kindNumber {
		c.fail("%v: Excludes needs a number", r.Field)
	}
}

func (r Contains) check(c *restrictionCheck) {
	if !c.field(r.Field) {
		return
	}
	c.text(r.Field, r.Text)
	switch {
	case r.Field.kind() != kindText:
		c.fail("%v: Contains needs a text", r.Field)
	case r.Text == "":
		c.fail("%v: Contains without a text; is Exists meant?", r.Field)
	case !strings.Contains(string(containmentModes), " "+string(r.Mode)+" "):
		c.fail("%v: %.40q is no ContainmentMode", r.Field, r.Mode)
	case !strings.Contains(string(containmentComparisons), " "+string(r.Comparison)+" "):
		c.fail("%v: %.40q is no ContainmentComparison", r.Field, r.Comparison)
	}
}

const (
	containmentModes       = "  " + Substring + " " + Prefixed + " " + FullString + " " + PrefixOnWords + " " + ExactPhrase + " "
	containmentComparisons = "  " + IgnoreCase + " " + Exact + " " + IgnoreNonSpacingCharacters + " " + Loose + " " + IgnoreCaseAndNonSpacingCharacters + " " +
		LooseAndIgnoreCase + " " + LooseAndIgnoreNonSpace + " " + LooseAndIgnoreCaseAndIgnoreNonSpace + " "
)

func (r Compare) check(c *restrictionCheck) {
	if !c.field(r.Field) {
		return
	}
	switch r.Op {
	case IsEqualTo, IsNotEqualTo:
	case IsGreaterThan, IsGreaterThanOrEqualTo, IsLessThan, IsLessThanOrEqualTo:
		if r.Field.kind() == kindBool {
			c.fail("%v: a bool has no order: use IsEqualTo", r.Field)
		}
	default:
		c.fail("%v: %.40q is no Operator", r.Field, r.Op)
	}
	if other, ok := r.Value.(Field); ok {
		if c.field(other) && other.kind() != r.Field.kind() {
			c.fail("%v and %v are of different types", r.Field, other)
		}
		return
	}
	text, err := r.Field.constant(r.Value)
	if err != nil {
		c.fail("%v: %T: %v", r.Field, r.Value, err)
	}
	c.text(r.Field, text)
}

// restrictsNothing tells an And without parts.
func restrictsNothing(r Restriction) bool {
	and, ok := r.(And)
	return r == nil || ok && len(and.live()) == 0
}

// live are the parts that restrict something.
func (r And) live() []Restriction {
	var live []Restriction
	for _, part := range r {
		if !restrictsNothing(part) {
			live = append(live, part)
		}
	}
	return live
}

func (r And) writeExpression(w *wire.Writer) { writeJoined(w, "t:And", r.live()) }
func (r Or) writeExpression(w *wire.Writer)  { writeJoined(w, "t:Or", r) }

// writeJoined writes parts, of which there is at least one, joined if there are several: Exchange's documentation wants two in an And.
func writeJoined(w *wire.Writer, element string, parts []Restriction) {
	if len(parts) == 1 {
		parts[0].writeExpression(w)
		return
	}
	w.Start(element)
	for _, part := range parts {
		part.writeExpression(w)
	}
	w.End()
}

func (r Not) writeExpression(w *wire.Writer) {
	w.Start("t:Not")
	r.Restriction.writeExpression(w)
	w.End()
}

func (r Exists) writeExpression(w *wire.Writer) {
	w.Start("t:Exists")
	r.Field.writeTo(w)
	w.End()
}

func (r Excludes) writeExpression(w *wire.Writer) {
	w.Start("t:Excludes")
	r.Field.writeTo(w)
	w.Empty("t:Bitmask", "Value", fmt.Sprint(r.Mask))
	w.End()
}

func (r Contains) writeExpression(w *wire.Writer) {
	mode, comparison := r.Mode, r.Comparison
	if mode == "" {
		mode = Substring
	}
	if comparison == "" {
		comparison = IgnoreCase
	}
	w.Start("t:Contains", "ContainmentMode", string(mode), "ContainmentComparison", string(comparison))
	r.Field.writeTo(w)
	w.Empty("t:Constant", "Value", r.Text)
	w.End()
}

func (r Compare) writeExpression(w *wire.Writer) {
	w.Start("t:" + string(r.Op))
	r.Field.writeTo(w)
	w.Start("t:FieldURIOrConstant")
	if other, ok := r.Value.(Field); ok {
		other.writeTo(w)
	} else {
		text, _ := r.Field.constant(r.Value) // checked before
		w.Empty("t:Constant", "Value", text)
	}
	w.End()
	w.End()
}
