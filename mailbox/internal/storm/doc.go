// Package storm counts what comes of mail while servers, networks and programs fail,
// for the tests of stores that programs share.
//
// Senders put letters that are numbered for each address; readers, in this program or
// in others, note each delivery before they settle it. A [Count] then tells whether
// something was lost, came in the wrong order, or came again without being marked.
package storm
