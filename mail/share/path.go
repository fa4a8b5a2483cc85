package share

import (
	"strings"

	"martlet/mail"
)

// maxPathBytes bounds a path.
const maxPathBytes = 4 << 10

// Paths writes where each folder of a mailbox lies: the names from the top down,
// separated by /. What lies so deep that its path is longer than a command line
// would have it has none: phones may nest thousands of folders.
func Paths(folders []mail.Folder) map[mail.FolderID]string {
	at := make(map[mail.FolderID]int, len(folders))
	for i := range folders {
		at[folders[i].ID] = i
	}
	paths := make(map[mail.FolderID]string, len(folders))
	for i := range folders {
		// Up to a folder whose path is known, or to the top.
		var way []int
		for j, ok := i, true; ok && len(way) <= len(folders); j, ok = at[folders[j].Parent] {
			if _, known := paths[folders[j].ID]; known {
				break
			}
			way = append(way, j)
		}
		for k := len(way) - 1; k >= 0; k-- {
			f := &folders[way[k]]
			above, below := paths[f.Parent]
			switch {
			case !below:
				paths[f.ID] = f.Name
			case above == "" || len(above)+1+len(f.Name) > maxPathBytes:
				paths[f.ID] = ""
			default:
				paths[f.ID] = above + "/" + f.Name
			}
		}
	}
	return paths
}

// Path is the path of one folder.
func Path(folders []mail.Folder, f mail.FolderID) string { return Paths(folders)[f] }

// Find finds a folder by its path, whatever its case. A name may hold a / itself.
func Find(folders []mail.Folder, path string) (mail.Folder, bool) {
	paths := Paths(folders)
	for i := range folders {
		if p := paths[folders[i].ID]; p != "" && strings.EqualFold(p, path) {
			return folders[i], true
		}
	}
	return mail.Folder{}, false
}
