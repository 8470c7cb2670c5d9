// Package wordindex counts the words of a tree of files.
//
// [Walk] lists the files. [Reader] reads one of them into a [Tally], which holds
// the words of that file alone; [Table.Merge] adds a tally to an index of many
// files. [Plain] does the same work in the plainest way, one file after the
// other into one Go map, and [Compare] tells whether both came to the same
// result.
//
// A word is a run of letters, digits, combining marks and underscores, in
// lower case, of at least two characters. A run of more than [MaxWord] bytes is
// data and not a word; it is passed over. Text is UTF-8; a byte that is not
// separates words.
package wordindex
