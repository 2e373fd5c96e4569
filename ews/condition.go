package ews

import "time"

// Is is met by messages whose field is that text, without regard to case.
func (f TextField) Is(text string) Restriction { return Compare{f, IsEqualTo, text} }

// IsNot is met by all others, those without the field too.
func (f TextField) IsNot(text string) Restriction { return Compare{f, IsNotEqualTo, text} }

// Contains is met where the text occurs, without regard to case.
func (f TextField) Contains(text string) Restriction { return Contains{Field: f, Text: text} }

// HasPrefix is met where the field begins with the text, without regard to case.
func (f TextField) HasPrefix(text string) Restriction {
	return Contains{Field: f, Text: text, Mode: Prefixed}
}

// Before is met by earlier times.
func (f TimeField) Before(t time.Time) Restriction { return Compare{f, IsLessThan, secondUp(t)} }

// AtOrAfter is met by that time and later ones.
func (f TimeField) AtOrAfter(t time.Time) Restriction {
	return Compare{f, IsGreaterThanOrEqualTo, secondUp(t)}
}

// After is met by times later than that second.
func (f TimeField) After(t time.Time) Restriction {
	return Compare{f, IsGreaterThanOrEqualTo, secondUp(t.Truncate(time.Second).Add(time.Second))}
}

// AtOrBefore is met by that second and earlier times.
func (f TimeField) AtOrBefore(t time.Time) Restriction {
	return Compare{f, IsLessThan, secondUp(t.Truncate(time.Second).Add(time.Second))}
}

// secondUp rounds up to the second: what is shown as at or after t then is, and what is shown as before is not, although Exchange compares
// fractions.
func secondUp(t time.Time) time.Time {
	if whole := t.Truncate(time.Second); whole.Before(t) {
		return whole.Add(time.Second)
	}
	return t
}

// Is is met by that number.
func (f NumberField) Is(n int64) Restriction { return Compare{f, IsEqualTo, n} }

// Over is met by greater numbers.
func (f NumberField) Over(n int64) Restriction { return Compare{f, IsGreaterThan, n} }

// Under is met by smaller numbers.
func (f NumberField) Under(n int64) Restriction { return Compare{f, IsLessThan, n} }

// Is is met by that value.
func (f BoolField) Is(b bool) Restriction { return Compare{f, IsEqualTo, b} }

// Is is met by that importance.
func (f ImportanceField) Is(i Importance) Restriction { return Compare{f, IsEqualTo, i} }

// AtLeast is met by that importance and higher ones.
func (f ImportanceField) AtLeast(i Importance) Restriction {
	return Compare{f, IsGreaterThanOrEqualTo, i}
}

// Is is met by messages whose property has that value, of the Go type that Property.Type says; of a list, one element must.
func (p Property) Is(value any) Restriction { return Compare{p, IsEqualTo, value} }

// Exists is met by messages that have the property.
func (p Property) Exists() Restriction { return Exists{p} }
