-- The Neovim leg: a real editor, the real server, the real model.
--
--     nvim -l editors/nvim/test/run.lua bin/lacuna
--
-- Types in insert mode until ghost text appears and accepts it; fills a stub by
-- code action. Exits with an error as soon as one test fails.
local here = vim.fs.dirname(vim.fs.abspath(debug.getinfo(1, 'S').source:sub(2)))
local Editor = dofile(vim.fs.joinpath(here, 'editor.lua'))
local server = vim.fs.abspath(assert(arg[1], 'usage: nvim -l run.lua PATH_OF_LACUNA'))

local function say(line)
  io.stdout:write(line, '\n')
  io.stdout:flush()
end

local function equal(what, got, want)
  if got ~= want then
    error(('%s:\n%s\n--- wanted:\n%s'):format(what, got, want), 2)
  end
end

--- Opens the case's file with the cursor at the mark, types, and returns the
--- editor, the ghost text and the text typed so far; nothing when the model is
--- silent.
local function suggest(case, place)
  local before, after = unpack(vim.split(place.text, '‸', { plain = true }))
  local editor = Editor.open(server, case.file, before .. after)
  local line = select(2, before:gsub('\n', '')) + 1
  editor:type((':%d<CR>A%s'):format(line, place.type))
  editor:await('an answer to textDocument/inlineCompletion', function()
    return editor:probe('answered', 'textDocument/inlineCompletion')
  end)
  local typed = before .. place.type .. after
  equal('ghost text must not be in the buffer', editor:probe('text'), typed)
  return editor, editor:probe('ghost'), typed
end

--- The text with more inserted at an offset.
local function insert(text, offset, more)
  return text:sub(1, offset) .. more .. text:sub(offset + 1)
end

--- Runs body with the first place the model has something to say about.
local function with_ghost(case, body)
  for _, place in ipairs(case.ghost) do
    local editor, ghost, typed = suggest(case, place)
    if ghost and not vim.startswith(ghost.text, '\n') then
      local before = vim.split(place.text, '‸', { plain = true })[1]
      local offset = #before + #place.type
      local line = vim.split(typed:sub(1, offset), '\n')
      equal('ghost text starts in row', ghost.row, #line - 1)
      equal('ghost text starts in column', ghost.col, #line[#line])
      body(editor, ghost.text, typed, offset)
      return vim.inspect(ghost.text) .. ' after ' .. vim.inspect(vim.trim(line[#line]))
    end
  end
  error('no ghost text at any of the places in cases.lua')
end

local tests = {}

tests['ghost text is accepted as it is shown'] = function(case)
  return with_ghost(case, function(editor, ghost, typed, offset)
    editor:type('<Tab>')
    equal('after accepting', editor:probe('text'), insert(typed, offset, ghost))
    equal('mode', vim.rpcrequest(editor.channel, 'nvim_get_mode').mode, 'i')
  end)
end

tests['typing along before accepting doubles nothing'] = function(case)
  return with_ghost(case, function(editor, ghost, typed, offset)
    local first = vim.fn.strcharpart(ghost, 0, 1)
    editor:type((first == '<' and '<lt>' or first) .. '<Tab>')
    equal('after accepting', editor:probe('text'), insert(typed, offset, ghost))
  end)
end

tests['typing something else before accepting drops the suggestion'] = function(case)
  return with_ghost(case, function(editor, ghost, typed, offset)
    local other = vim.startswith(ghost, 'z') and 'y' or 'z'
    editor:type(other .. '<Tab>')
    equal('after accepting', editor:probe('text'), insert(typed, offset, other))
  end)
end

tests['the editor tells what became of a suggestion, and how the server is'] = function(case)
  return with_ghost(case, function(editor)
    local function says(command, text)
      editor:type('<Esc>:' .. command .. '<CR>')
      editor:await(command .. ' to say ' .. text, function()
        return editor:lua([[return vim.fn.execute('messages')]]):find(text)
      end)
    end
    editor:type('<Tab>')
    says('LacunaExplain', 'while typing: a suggestion of')
    says('LacunaStatus', 'the model is ready')
    says('LacunaStatus', '%(1 accepted')
  end)
end

tests['a code action fills the stub'] = function(case)
  for _, place in ipairs(case.stubs) do
    local editor = Editor.open(server, case.file, place.text)
      local from, to = place.text:find(place.stub, 1, true)
    local head, tail = place.text:sub(1, from - 1), place.text:sub(to + 1)
    editor:type((':%d<CR>^:LacunaFill<CR>'):format(select(2, head:gsub('\n', '')) + 1))
    local filled = editor:await('the fill, or the server to say there is none', function()
      local text = editor:probe('text')
      if text ~= place.text then
        return text
      end
      return editor:probe('answered', 'workspace/executeCommand') and 'silent'
    end)
    if filled ~= 'silent' then
      local fill = filled:sub(#head + 1, #filled - #tail)
      equal('what comes before and after the stub', filled, head .. fill .. tail)
      assert(fill:match('%S'), 'the fill is blank:\n' .. filled)
      assert(not fill:find(vim.trim(place.stub), 1, true), 'the stub is still there:\n' .. filled)
      editor:type('u')
      equal('after one undo', editor:probe('text'), place.text)
      return vim.inspect(fill)
    end
  end
  error('none of the stubs in cases.lua was filled')
end

local names = vim.tbl_keys(tests)
table.sort(names)
local version = vim.version()
say(('Neovim %d.%d.%d'):format(version.major, version.minor, version.patch))
for _, case in ipairs(dofile(vim.fs.joinpath(here, 'cases.lua'))) do
  for _, name in ipairs(names) do
    local title = ('%s: %s'):format(case.language, name)
    local ok, result = xpcall(tests[name], debug.traceback, case)
    if not ok then
      say('FAIL ' .. title .. '\n' .. result)
      say(select(2, pcall(Editor.report, Editor.current)))
      pcall(Editor.close, Editor.current)
      os.exit(1)
    end
    say('ok   ' .. title .. ': ' .. result)
  end
end
Editor.current:close()
