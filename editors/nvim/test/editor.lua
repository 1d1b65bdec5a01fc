-- Drives a real Neovim over its own RPC: keys go in as if they were typed, what
-- is on the screen comes out.
--- @class Editor
--- @field root string folder of everything the editor writes
--- @field channel integer
local Editor = {}
Editor.__index = Editor

--- The one that is open, if any.
--- @type Editor?
Editor.current = nil

local here = vim.fs.dirname(vim.fs.abspath(debug.getinfo(1, 'S').source:sub(2)))

-- Nothing here takes long; a loaded machine with two cores may. Waiting ends when
-- what is waited for is there, so a generous deadline costs nothing.
local deadline = 60 * 1000

--- Starts an editor on a new file of an otherwise empty project, and closes the one
--- before: kept that long, it can be asked why it failed.
--- @param server string path of the lacuna binary
--- @param name string file name, decides the language
--- @param text string
function Editor.open(server, name, text)
  if Editor.current then
    Editor.current:close()
  end
  local self = setmetatable({ root = vim.fn.tempname() }, Editor)
  Editor.current = self
  local file = vim.fs.joinpath(self.root, 'project', name)
  vim.fn.mkdir(vim.fs.dirname(file), 'p')
  vim.fn.mkdir(vim.fs.joinpath(self.root, 'project', '.git'))
  vim.fn.writefile(vim.split(text, '\n'), file, 'b')

  -- HOME and XDG_CACHE_HOME stay: the server looks for ONNX Runtime there.
  local env = { LACUNA_BIN = server, NVIM_LOG_FILE = vim.fs.joinpath(self.root, 'nvim.log') }
  for _, kind in ipairs({ 'CONFIG', 'DATA', 'STATE' }) do
    env['XDG_' .. kind .. '_HOME'] = vim.fs.joinpath(self.root, kind:lower())
  end
  self.channel = vim.fn.jobstart(
    { vim.v.progpath, '--embed', '--headless', '-i', 'NONE', '-u', vim.fs.joinpath(here, 'init.lua'), file },
    { rpc = true, env = env, cwd = vim.fs.dirname(file) }
  )
  assert(self.channel > 0, 'cannot start ' .. vim.v.progpath)
  self:await('the server to attach and offer inline completion and code actions', function()
    return self:probe('ready')
  end)
  return self
end

function Editor:lua(code, ...)
  return vim.rpcrequest(self.channel, 'nvim_exec_lua', code, { ... })
end

--- Calls a function of Probe (test/init.lua); vim.NIL becomes nil.
function Editor:probe(name, ...)
  local value = self:lua('return Probe and Probe.' .. name .. '(...)', ...)
  return value ~= vim.NIL and value or nil
end

--- Types keys and returns once all of them, and what they scheduled, took effect:
--- Neovim consumes keys before it looks at events.
function Editor:type(keys)
  local rest = keys
  while rest ~= '' do
    rest = rest:sub(vim.rpcrequest(self.channel, 'nvim_input', rest) + 1)
  end
  self:lua('Probe.settled = false; vim.schedule(function() Probe.settled = true end)')
  self:await('the keys ' .. keys .. ' to be taken', function()
    return self:lua('return Probe.settled')
  end)
end

--- Polls until the condition holds and returns what it returned.
function Editor:await(what, condition)
  local value
  local ok = vim.wait(deadline, function()
    value = condition()
    return value
  end, 10)
  if not ok then
    error(('waited %d s in vain for %s'):format(deadline / 1000, what), 2)
  end
  return value
end

--- Everything that helps to understand a failure.
function Editor:report()
  local parts = {}
  local function add(title, body)
    table.insert(parts, ('--- %s\n%s'):format(title, body))
  end
  add('buffer', self:probe('text'))
  add('ghost', vim.inspect(self:probe('ghost')))
  add('messages', vim.rpcrequest(self.channel, 'nvim_exec2', 'messages', { output = true }).output)
  -- The former holds what the server and the editor said to each other and what
  -- the server wrote to stderr.
  for _, log in ipairs({ 'state/nvim/lsp.log', 'nvim.log' }) do
    local path = vim.fs.joinpath(self.root, log)
    if vim.uv.fs_stat(path) then
      local lines = vim.tbl_map(function(line)
        return line:sub(1, 600)
      end, vim.fn.readfile(path, '', -60))
      add('the end of ' .. log, table.concat(lines, '\n'))
    end
  end
  return table.concat(parts, '\n')
end

function Editor:close()
  Editor.current = nil
  -- The answer never comes: the editor is gone.
  pcall(vim.rpcrequest, self.channel, 'nvim_command', 'qall!')
  vim.fn.jobwait({ self.channel }, 10 * 1000)
  vim.fn.delete(self.root, 'rf')
end

return Editor
