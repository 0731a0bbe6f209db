# bora_room(NAME [ROOMS room...] [LIBRARIES lib...])
#
# One static library a room: every .cc under src/NAME (files that need flags of their own, such as
# the per-ISA kernels, lie in folders named isa_* or are listed in EXCLUDE and added by the room).
# ROOMS are the arrows of the architecture; tools/check_arrows.py holds the #includes to them.
function(bora_room NAME)
  cmake_parse_arguments(ARG "" "" "ROOMS;LIBRARIES;PRIVATE_LIBRARIES;EXCLUDE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${NAME}/*.cc)
  foreach(pattern IN LISTS ARG_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX "${pattern}")
  endforeach()
  add_library(bora_${NAME} STATIC ${sources})
  target_include_directories(bora_${NAME} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  list(TRANSFORM ARG_ROOMS PREPEND bora_)
  target_link_libraries(bora_${NAME} PUBLIC ${ARG_ROOMS} ${ARG_LIBRARIES}
                                     PRIVATE bora_options ${ARG_PRIVATE_LIBRARIES})
endfunction()
