# Warnings and sanitizers, for our own targets only.
add_library(bora_options INTERFACE)
target_compile_options(bora_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                                              -Wold-style-cast -Werror)
if(BORA_SANITIZE)
  target_compile_options(bora_options INTERFACE -fsanitize=${BORA_SANITIZE} -fno-omit-frame-pointer
                                                -fno-sanitize-recover=all)
  target_link_options(bora_options INTERFACE -fsanitize=${BORA_SANITIZE})
endif()
if(BORA_FUZZ)
  target_compile_options(bora_options INTERFACE -fsanitize=fuzzer-no-link)  # coverage for libFuzzer
endif()
