# The tests run the built program.
target_sources(bora_cli_tests PRIVATE ${CMAKE_CURRENT_LIST_DIR}/program.cc
                                      ${CMAKE_CURRENT_LIST_DIR}/terminal.cc)
add_dependencies(bora_cli_tests bora)
target_compile_definitions(bora_cli_tests PRIVATE BORA_BINARY="$<TARGET_FILE:bora>")
