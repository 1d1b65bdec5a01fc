-- Takes the picture in the README: a real Neovim in a real terminal (tmux), with
-- ghost text from the model in bin/lacuna.
--
--     nvim -l editors/nvim/picture/take.lua bin/lacuna docs/nvim.svg FILE TEXT KEYS
--
-- Opens FILE, types KEYS instead of the first line with TEXT, and waits for ghost
-- text.
local here = vim.fs.dirname(vim.fs.abspath(debug.getinfo(1, 'S').source:sub(2)))
local svg = dofile(vim.fs.joinpath(here, 'svg.lua'))
local server, target, file, text, keys = unpack(vim.tbl_map(tostring, arg))
assert(keys, 'usage: take.lua LACUNA TARGET FILE TEXT KEYS')
local deadline = 60 * 1000
local columns, rows = 80, 22

local work = vim.fn.tempname()
vim.fn.mkdir(work, 'p')
local socket, terminal = vim.fs.joinpath(work, 'nvim'), vim.fs.joinpath(work, 'tmux')

local function tmux(...)
  local result = vim.system({ 'tmux', '-f', '/dev/null', '-S', terminal, ... }, { text = true }):wait()
  assert(result.code == 0, ('tmux %s: %s'):format((...), result.stderr))
  return result.stdout
end

--- Starts the editor in a terminal and returns a channel to it.
local function start()
  -- As the tests have it, but for the colours.
  local init = vim.fs.joinpath(vim.fs.dirname(here), 'test', 'init.lua')
  local shown = {
    'set termguicolors background=dark number noshowcmd noruler signcolumn=no',
    'set laststatus=0 fillchars=eob:\\  shortmess+=I tabstop=4',
    -- Ghost text is as grey as a comment by default, too faint for a small picture.
    'highlight ComplHint guifg=#8cb4e0 gui=italic',
  }
  local command = { vim.v.progpath, '-i', 'NONE', '-u', init, '--listen', socket }
  for _, ex in ipairs(shown) do
    vim.list_extend(command, { '-c', ex })
  end
  table.insert(command, file)
  tmux(
    'new-session', '-d', '-x', tostring(columns), '-y', tostring(rows),
    '-e', 'LACUNA_BIN=' .. vim.fs.abspath(server),
    '-e', 'XDG_STATE_HOME=' .. vim.fs.joinpath(work, 'state'),
    '-e', 'COLORTERM=truecolor',
    unpack(command)
  )
  assert(vim.wait(deadline, function()
    return vim.uv.fs_stat(socket) ~= nil
  end, 20), 'Neovim did not start in tmux')
  return vim.fn.sockconnect('pipe', socket, { rpc = true })
end

local function take()
  local channel = start()
  local function probe(name)
    local value = vim.rpcrequest(channel, 'nvim_exec_lua', 'return Probe and Probe.' .. name .. '()', {})
    return value ~= vim.NIL and value or nil
  end
  local function await(what, condition)
    assert(vim.wait(deadline, condition, 50), 'waited in vain for ' .. what)
  end
  await('the server', function()
    return probe('ready')
  end)
  local line = vim.fn.indexof(vim.fn.readfile(file), function(_, candidate)
    return candidate:find(text, 1, true) ~= nil
  end)
  tmux('send-keys', '-l', (':%d'):format(line + 1))
  tmux('send-keys', 'Enter')
  tmux('send-keys', '-l', 'zzS' .. keys)
  await('ghost text', function()
    return probe('ghost')
  end)
  -- The mark is set before it is drawn.
  local first = vim.split(probe('ghost').text, '\n')[1]
  local screen
  await('the ghost text on the screen', function()
    screen = tmux('capture-pane', '-e', '-p')
    return tmux('capture-pane', '-p'):find(keys .. first, 1, true)
  end)
  return screen, vim.tbl_map(tonumber, vim.split(tmux('display-message', '-p', '#{cursor_x} #{cursor_y}'), ' '))
end

local ok, screen, cursor = pcall(take)
pcall(tmux, 'kill-server')
vim.fn.delete(work, 'rf')
if not ok then
  io.stderr:write(screen, '\n')
  os.exit(1)
end
local picture = svg.render(screen, columns, cursor, 'Neovim showing ghost text from Lacuna')
vim.fn.writefile(vim.split(picture, '\n'), target, 'b')
