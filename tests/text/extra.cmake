#libsentencepiece is the oracle of our own reader; nothing but tests links it.
pkg_check_modules(SENTENCEPIECE REQUIRED IMPORTED_TARGET sentencepiece)
    target_link_libraries(bora_text_tests PRIVATE PkgConfig::SENTENCEPIECE)
