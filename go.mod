module github.com/ewsmail/ewsmail

go 1.26
