package ews

import (
	"bytes"
	"strconv"
	"time"
)

func routingType(b []byte) string {
	switch string(b) {
	case "", "SMTP":
		return "SMTP"
	case "EX":
		return "EX"
	}
	return string(b)
}

// itemClass avoids a string of its own for the usual classes.
func itemClass(b []byte) string {
	switch string(b) {
	case "IPM.Note":
		return "IPM.Note"
	case "IPM.Schedule.Meeting.Request":
		return "IPM.Schedule.Meeting.Request"
	case "REPORT.IPM.Note.NDR":
		return "REPORT.IPM.Note.NDR"
	case "IPM.Note.SMIME.MultipartSigned":
		return "IPM.Note.SMIME.MultipartSigned"
	}
	return string(b)
}

func sensitivity(b []byte) string {
	if string(b) == "Normal" {
		return "Normal"
	}
	return string(b)
}

func importance(b []byte) Importance {
	switch string(b) {
	case "Low":
		return LowImportance
	case "High":
		return HighImportance
	}
	return NormalImportance
}

func boolean(b []byte) bool {
	switch string(b) {
	case "true", "1":
		return true
	case "false", "0":
		return false
	}
	b = bytes.TrimSpace(b)
	return string(b) == "true" || string(b) == "1"
}

// integer reads a number; garbage, which servers do send, is 0.
func integer(b []byte) int64 {
	if len(b) > 0 && len(b) < 10 {
		if n := digits(b); n >= 0 {
			return int64(n)
		}
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(b)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// dateTime reads an xs:dateTime. One without a zone is taken as UTC, which is what Exchange means; garbage is the zero time.
func dateTime(b []byte) time.Time {
	if len(b) == len("2006-01-02T15:04:05Z") && b[19] == 'Z' && b[4] == '-' && b[7] == '-' && b[10] == 'T' && b[13] == ':' && b[16] == ':' {
		// The form Exchange uses, without the string that time.Parse needs.
		year, month, day := digits(b[:4]), twoDigits(b[5], b[6]), twoDigits(b[8], b[9])
		hour, minute, second := twoDigits(b[11], b[12]), twoDigits(b[14], b[15]), twoDigits(b[17], b[18])
		if year > 0 && month >= 1 && month <= 12 && day >= 1 && (day <= 28 || day <= daysIn(year, month)) && hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second < 60 {
			return time.Unix(unixDay(year, month, day)*86400+int64(hour*3600+minute*60+second), 0).UTC()
		}
	}
	text := string(bytes.TrimSpace(b))
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02Z07:00", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// unixDay counts the days from 1970 to a date of the years from 1 on. time.Date does more, and takes three times as long.
func unixDay(year, month, day int) int64 {
	if month < 3 { // years that begin in March end with the day that may be missing
		year, month = year-1, month+12
	}
	return int64(365*year + year/4 - year/100 + year/400 + (153*month-457)/5 + day - 719469)
}

func daysIn(year, month int) int {
	switch {
	case month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0):
		return 29
	case month == 2:
		return 28
	case month == 4 || month == 6 || month == 9 || month == 11:
		return 30
	}
	return 31
}

// twoDigits is digits for two of them.
func twoDigits(ten, one byte) int {
	ten, one = ten-'0', one-'0'
	if ten > 9 || one > 9 {
		return -1
	}
	return int(ten)*10 + int(one)
}

// digits reads a number of digits only; anything else is negative.
func digits(b []byte) int {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}
