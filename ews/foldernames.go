package ews

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// folderNames EWS: DistinguishedFolderIdNameType.
var folderNames = strings.Fields(`
	calendar contacts deleteditems drafts inbox journal notes outbox sentitems tasks msgfolderroot publicfoldersroot root junkemail searchfolders
	voicemail recoverableitemsroot recoverableitemsdeletions recoverableitemsversions recoverableitemspurges recoverableitemsdiscoveryholds
	archiveroot archivemsgfolderroot archivedeleteditems archiveinbox archiverecoverableitemsroot archiverecoverableitemsdeletions
	archiverecoverableitemsversions archiverecoverableitemspurges archiverecoverableitemsdiscoveryholds
	syncissues conflicts localfailures serverfailures recipientcache quickcontacts conversationhistory adminauditlogs todosearch mycontacts directory
	imcontactlist peopleconnect favorites mecontact personmetadata teamspaceactivity teamspacemessaging teamspaceworkitems scheduled orionnotes
	tagitems alltaggeditems allcategorizeditems externalcontacts teamchat teamchathistory yammerdata yammerroot yammerinbound yammeroutbound
	yammerfeeds kaizaladata messageingestion onedriveroot onedriverecylebin onedrivesystem onedrivevolume important starred archive`)

var (
	errNoFolder      = errors.New("ews: the folder is nil: name one, such as ews.Inbox")
	errEmptyFolderID = errors.New("ews: the folder's id is empty")
	errNoFolderName  = errors.New("ews: the folder's name is empty: name one, such as ews.Inbox")
)

// usable tells what is wrong with a folder before anything is sent.
func usable(f FolderRef) error {
	switch f := f.(type) {
	case nil:
		return errNoFolder
	case FolderID:
		if f.ID == "" {
			return errEmptyFolderID
		}
		if wrong := badTexts("ID", f.ID, "ChangeKey", f.ChangeKey); len(wrong) > 0 {
			return errors.New("ews: FolderID: " + strings.Join(wrong, "; "))
		}
	case FolderName:
		return f.usable()
	case folderIn:
		if bad := badAddress(f.address); bad != "" {
			return errors.New("ews: FolderName.In: " + bad)
		}
		return f.name.usable()
	}
	return nil
}

func (f FolderName) usable() error {
	switch {
	case f == "":
		return errNoFolderName
	case slices.Contains(folderNames, string(f)):
		return nil
	case slices.Contains(folderNames, strings.ToLower(string(f))):
		return fmt.Errorf("ews: FolderName: %q is written %q", string(f), strings.ToLower(string(f)))
	}
	return fmt.Errorf("ews: FolderName: %.40q is none of EWS's distinguished folders; one that a user made is found by path with FindFolder", string(f))
}

// badFolder is usable for a field among others, which may be left out.
func badFolder(field string, f FolderRef) []string {
	if f == nil {
		return nil
	}
	if err := usable(f); err != nil {
		return []string{field + ": " + strings.TrimPrefix(err.Error(), "ews: ")}
	}
	return nil
}
