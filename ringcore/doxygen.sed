# Makes Doxygen's comments of ours: the first block is about the file, those before a declaration or
# behind it on its line are about it. What is inside of functions Doxygen leaves out by itself.

1{
    s|^// SPDX.*|/// @file|
    b
}
s|^( *)//( .*)?$|\1///\2|
/^ *(\}|#|return|if|else)/!s|^( *[^ /].*[^ ]) +// |\1 ///< |
# Sender and Receiver are final: what their base keeps for them is nobody else's.
s|^protected:|private:|

# What Doxygen would take for a tag or a command is text, but in code, which is indented or quoted.
/^ *\/\/\/ {2,}/b
:again
s|(///[^`]*(`[^`]*`[^`]*)*[^`\\])([<>#@%])([^`]*(`[^`]*`[^`]*)*)$|\1\\\3\4|
t again
