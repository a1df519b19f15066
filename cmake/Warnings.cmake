# Warnings for our own code: link mpisweep_warnings PRIVATE.
add_library(mpisweep_warnings INTERFACE)
target_compile_options(
  mpisweep_warnings
  INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
            -Woverloaded-virtual -Wswitch-enum $<$<BOOL:${MPISWEEP_WERROR}>:-Werror>)
