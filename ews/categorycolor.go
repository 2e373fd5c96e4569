package ews

// CategoryColor is the colour that Outlook shows a category in. [MS-OXOCFG] 2.2.5.2.1.
type CategoryColor int

// The colours. The zero CategoryColor is red, as in the mailbox.
const (
	ColorNone CategoryColor = iota - 1
	ColorRed
	ColorOrange
	ColorPeach
	ColorYellow
	ColorGreen
	ColorTeal
	ColorOlive
	ColorBlue
	ColorPurple
	ColorMaroon
	ColorSteel
	ColorDarkSteel
	ColorGray
	ColorDarkGray
	ColorBlack
	ColorDarkRed
	ColorDarkOrange
	ColorDarkPeach
	ColorDarkYellow
	ColorDarkGreen
	ColorDarkTeal
	ColorDarkOlive
	ColorDarkBlue
	ColorDarkPurple
	ColorDarkMaroon
)

var colorNames = [...]string{"None", "Red", "Orange", "Peach", "Yellow", "Green", "Teal", "Olive", "Blue", "Purple", "Maroon", "Steel", "DarkSteel", "Gray", "DarkGray", "Black", "DarkRed", "DarkOrange", "DarkPeach", "DarkYellow", "DarkGreen", "DarkTeal", "DarkOlive", "DarkBlue", "DarkPurple", "DarkMaroon"}

// String is Outlook's name of the color, "None" for none.
func (c CategoryColor) String() string {
	if c < ColorNone || c > ColorDarkMaroon {
		return "CategoryColor(" + itoa(int(c)) + ")"
	}
	return colorNames[c+1]
}
